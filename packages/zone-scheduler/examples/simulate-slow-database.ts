import assert from 'node:assert/strict';
import { adaptive, littlesLaw } from '@holdfast/zone-scheduler';
import { simulate, statisticOf, type Scenario } from '@holdfast/zone-scheduler/sim';

const scenario: Scenario = {
  name: 'slow database',
  about: 'From the third cycle on the database has a third of its servers.',
  zones: 1_000,
  cycles: 6,
  service: { distribution: 'lognormal', medianMs: 550, sigma: 0.4 },
  downstream: { model: 'servers', servers: 64, thrash: 0.3 },
  steps: [{ cycle: 3, servers: 24 }],
  expect: [],
};

const deliveredWith = async (controller: typeof adaptive | typeof littlesLaw) => {
  const { rows } = await simulate(scenario, { seed: 1, controller: () => controller() });
  const slow = rows.filter(({ cycle }) => cycle > 3);
  return statisticOf('delivered', slow);
};

// Of what the slow database can do: one gives it less to do, the other more and more, until all times out.
assert.ok((await deliveredWith(adaptive)) > 0.8);
assert.ok((await deliveredWith(littlesLaw)) < 0.2);
