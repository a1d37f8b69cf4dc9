#!/usr/bin/env node
import { OperatorError, runProgram, withDatabase, type ProgramContext } from '@holdfast/cli-kit';
import { parseCommandLine, type Invocation } from './cli/command-line.ts';
import { inspectKey } from './cli/inspect-key.ts';
import { inspectionJson, listJson } from './cli/json.ts';
import { inspectionText, listText } from './cli/text.ts';
import { serverNow } from './cli/server-now.ts';
import { listLocks } from './advisory/holders.ts';
import { leaseTableName } from './leases/lease-schema.ts';
import type { Queryable } from './ports.ts';

type Print = ProgramContext['print'];

const QUERY_TIMEOUT_MS = 10_000;

async function main(context: ProgramContext): Promise<0> {
  const { args, print } = context;
  const invocation = parseCommandLine(args, context);
  switch (invocation.kind) {
    case 'printed':
      return 0;
    case 'mistake':
      throw new OperatorError(invocation.message);
    case 'list':
      return list(invocation, print);
    case 'inspect':
      return inspect(invocation, print);
    default: {
      const impossible: never = invocation;
      return impossible;
    }
  }
}

async function list(
  { url, json }: Extract<Invocation, { kind: 'list' }>,
  print: Print,
): Promise<0> {
  const locks = await ask(url, async (db) => ({
    inspections: await listLocks(db),
    now: await serverNow(db),
  }));
  print(json ? listJson(locks) : listText(locks));
  return 0;
}

async function inspect(
  { url, json, request }: Extract<Invocation, { kind: 'inspect' }>,
  print: Print,
): Promise<0> {
  const inspected = await ask(url, (db) => inspectKey(db, request));
  print(json ? inspectionJson(inspected) : inspectionText(inspected));
  if (inspected.lease !== 'no table' || !request.isTableNamed) return 0;
  throw new OperatorError(`there is no lease table ${leaseTableName(request.table)}`);
}

function ask<T>(url: string | undefined, fn: (db: Queryable) => Promise<T>): Promise<T> {
  const settings = { url, applicationName: 'holdfast-locks', max: 1 };
  return withDatabase({ ...settings, queryTimeoutMs: QUERY_TIMEOUT_MS }, fn);
}

await runProgram('holdfast-locks', main);
