import assert from 'node:assert/strict';
import { staticShards } from '@holdfast/zone-scheduler';

// In a StatefulSet of three pods: { env: process.env }
const shards = [0, 1, 2].map((ordinal) =>
  staticShards({ env: { HOSTNAME: `zones-${ordinal}`, ZONE_SHARD_TOTAL: '3' } }),
);

const owners = (zoneId: string) =>
  shards.filter((one) => one.ownershipOf(zoneId) !== undefined).length;

assert.equal(owners('north'), 1);
assert.equal(owners('south'), 1);
assert.throws(() => staticShards({ env: { HOSTNAME: 'zones-3', ZONE_SHARD_TOTAL: '3' } }), {
  code: 'SHARD_SETTINGS',
});
