#!/usr/bin/env node
import { parseCommandLine, type Invocation } from './cli/command-line.ts';
import { withDatabase } from './cli/database.ts';
import { inspectKey, type InspectRequest } from './cli/inspect-key.ts';
import { inspectionJson, listJson } from './cli/json.ts';
import { OperatorError } from './cli/operator-error.ts';
import { inspectionText, listText } from './cli/text.ts';
import { serverNow } from './cli/server-now.ts';
import { listLocks } from './advisory/holders.ts';
import { leaseTableName } from './leases/lease-schema.ts';

async function main(): Promise<0 | 2> {
  const invocation = parseCommandLine(process.argv.slice(2), {
    databaseUrl: process.env['DATABASE_URL'],
    print,
  });
  try {
    return await run(invocation);
  } catch (error) {
    if (error instanceof OperatorError) return complain(error.message);
    throw error;
  }
}

async function run(invocation: Invocation): Promise<0 | 2> {
  switch (invocation.kind) {
    case 'printed':
      return 0;
    case 'mistake':
      return complain(invocation.message);
    case 'list':
      return list(invocation.url, invocation.json);
    case 'inspect':
      return inspect(invocation.url, invocation.json, invocation.request);
    default: {
      const impossible: never = invocation;
      return impossible;
    }
  }
}

async function list(url: string | undefined, json: boolean): Promise<0> {
  const locks = await withDatabase(url, async (db) => ({
    inspections: await listLocks(db),
    now: await serverNow(db),
  }));
  print(json ? listJson(locks) : listText(locks));
  return 0;
}

async function inspect(
  url: string | undefined,
  json: boolean,
  request: InspectRequest,
): Promise<0 | 2> {
  const inspected = await withDatabase(url, (db) => inspectKey(db, request));
  print(json ? inspectionJson(inspected) : inspectionText(inspected));
  if (inspected.lease !== 'no table' || !request.isTableNamed) return 0;
  return complain(`there is no lease table ${leaseTableName(request.table)}`);
}

function print(text: string): void {
  process.stdout.write(text);
}

function complain(sentence: string): 2 {
  process.stderr.write(`holdfast-locks: ${sentence}\n`);
  return 2;
}

// A reader that has seen enough, such as `head`, closes the pipe: what is left is not for anybody.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
process.exitCode = await main();
