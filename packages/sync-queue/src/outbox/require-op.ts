import { requireObject, requireOneOf, requireText } from '@holdfast/internal';
import { requireStorableText } from '../require-storable-text.ts';
import { parseHlc } from './hlc.ts';
import type { NewOp } from './op.ts';

const KINDS = ['insert', 'patch', 'delete', 'replace', 'call'] as const;

/**
 * `name` stands for the op in messages: `op`, or `ops[3]`.
 *
 * @throws {TypeError} unless `value` is an op.
 */
export function requireOp(name: string, value: unknown): NewOp {
  const op = requireObject(name, value) as Readonly<Record<string, unknown>>;
  requireStorableText(`${name}.entity`, op['entity']);
  requireStorableText(`${name}.id`, op['id']);
  if (op['at'] !== undefined) parseHlc(op['at'] as string);
  if (op['base'] !== undefined) requireBase(`${name}.base`, op['base']);
  const kind = requireOneOf(`${name}.kind`, op['kind'], KINDS);
  switch (kind) {
    case 'insert':
    case 'replace':
      requireObject(`${name}.doc`, op['doc']);
      break;
    case 'patch':
      requireObject(`${name}.set`, op['set'] ?? {});
      requireFields(`${name}.unset`, op['unset'] ?? []);
      break;
    case 'delete':
      break;
    case 'call':
      requireText(`${name}.name`, op['name']);
      break;
    default: {
      const impossible: never = kind;
      return impossible;
    }
  }
  return value as NewOp;
}

/**
 * As `requireOp`, of an edit that the application makes here: a misspelt field would be lost. A receiver takes fields that
 * it does not know, for its clients may be newer.
 *
 * @throws {TypeError}
 */
export function requireNewOp(name: string, value: unknown): NewOp {
  const op = requireOp(name, value);
  refuseOthers(name, op, [...FIELDS, ...FIELDS_OF[op.kind]]);
  if (op.base !== undefined) refuseOthers(`${name}.base`, op.base, FIELDS_OF_BASE);
  if (op.kind === 'patch' && op.set === undefined && op.unset === undefined) {
    throw new TypeError(`${name} must have set or unset: it is a patch`);
  }
  return op;
}

const FIELDS = ['kind', 'entity', 'id', 'base', 'at'];
const FIELDS_OF_BASE = ['version', 'doc', 'rebasedFrom'];
const FIELDS_OF: Readonly<Record<NewOp['kind'], readonly string[]>> = {
  insert: ['doc'],
  patch: ['set', 'unset'],
  delete: [],
  replace: ['doc'],
  call: ['name', 'args'],
};

function refuseOthers(name: string, value: object, fields: readonly string[]): void {
  const other = Object.keys(value).find((field) => !fields.includes(field));
  if (other === undefined) return;
  throw new TypeError(`${name} has no field ${other}; its fields are ${fields.join(', ')}`);
}

function requireBase(name: string, value: unknown): void {
  const base = requireObject(name, value) as Readonly<Record<string, unknown>>;
  if (base['version'] !== undefined) requireText(`${name}.version`, base['version']);
  if (base['doc'] !== undefined) requireObject(`${name}.doc`, base['doc']);
}

function requireFields(name: string, value: unknown): void {
  const isList = Array.isArray(value) && value.every((field) => typeof field === 'string');
  if (!isList) throw new TypeError(`${name} must be an array of names of fields`);
}
