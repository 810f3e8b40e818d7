/** Drift: observers of a region that disagree for longer than a resize takes. */
import test from 'ava';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { Drifts } from '../../../agent/observe/drift.ts';
import { MIB } from '../../../base/units.ts';

const LONG_MS = AGENT_LIMITS.drift_ms;

/** In MiB: requested, plugged, resident. */
type Sizes = readonly [number, number, number];

const region = ([requested_mib, plugged_mib, resident_mib]: Sizes) => ({
  id: 'r0',
  device_id: 'r0',
  partition: 0,
  pci_address: '0000:00:05.0',
  max_bytes: 512 * MIB,
  requested_bytes: requested_mib * MIB,
  plugged_bytes: plugged_mib * MIB,
  resident_bytes: resident_mib * MIB,
});

for (const [what, sizes, mib] of [
  ['plugged is not what was requested', [0, 128, 64], 128],
  ['less is plugged than was requested', [256, 128, 0], 128],
  ['the host holds more than is plugged', [0, 0, 96], 96],
] as const) {
  test(`${what}: told once it lasted, once, and until they agree`, (t) => {
    const drifts = new Drifts();
    const seen = [region(sizes)];
    t.deepEqual(drifts.look(0, seen, null), []);
    t.deepEqual(drifts.look(LONG_MS - 1, seen, null), []);
    t.is(drifts.of('r0'), null, 'it may be under way');
    const [drift] = drifts.look(LONG_MS, seen, null);
    t.like(drift, { region_id: 'r0', bytes: mib * MIB, since_ms: 0 });
    t.regex(drift?.message ?? '', /and an unknown size by its guest's/, 'it told nothing');
    t.deepEqual(drifts.look(LONG_MS + 1, seen, null), [], 'once');
    t.is(drifts.of('r0')?.bytes, mib * MIB);
    drifts.look(LONG_MS + 2, [region([128, 128, 128])], null);
    t.is(drifts.of('r0'), null);
  });
}

test('within a block, and memory that a guest has not touched, is no drift', (t) => {
  const drifts = new Drifts();
  for (const sizes of [
    [128, 126, 128],
    [128, 128, 0],
  ] as const) {
    drifts.look(0, [region(sizes)], null);
    t.deepEqual(drifts.look(LONG_MS, [region(sizes)], null), []);
  }
});

test('a disagreement that ends in time leaves nothing behind', (t) => {
  const drifts = new Drifts();
  drifts.look(0, [region([0, 128, 0])], null);
  drifts.look(LONG_MS / 2, [region([0, 0, 0])], null);
  drifts.look(LONG_MS / 2 + 1, [region([0, 128, 0])], null);
  t.deepEqual(drifts.look(LONG_MS + 1, [region([0, 128, 0])], null), []);
});
