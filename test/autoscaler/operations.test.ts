import test from 'ava';
import { OperationTally } from '../../autoscaler/report/operations.ts';
import type { OperationLine } from '../../autoscaler/results/schema.ts';
import { madePlug } from './made-run.ts';

function unplug(waited_ms: number | null): OperationLine {
  return { ...madePlug('hotmem', 'u', 100), kind: 'unplug', resident_at_ms: 125, waited_ms };
}

for (const [waited_ms, plugged_ms, resident_ms] of [
  [null, 20, 25],
  [0, 20, 25],
  [15, 5, 10],
] as const) {
  test(`of an unplug, ${waited_ms} ms in which others went first are no time of its own`, (t) => {
    const tally = new OperationTally();
    tally.add(unplug(waited_ms));
    const { plugged, resident, accepted } = tally.summary().unplug;
    t.deepEqual([plugged.p50_ms, resident.p50_ms], [plugged_ms, resident_ms]);
    t.is(accepted.p50_ms, 1);
  });
}
