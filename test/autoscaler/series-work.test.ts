/** A memory series as an emulated invocation: nothing that matters of it is lost. */
import test from 'ava';
import fc from 'fast-check';
import { peakOf } from '../../autoscaler/trace/memory-series.ts';
import { workOfSeries } from '../../autoscaler/trace/series-work.ts';
import { workSchema } from '../../agent/model/work.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { MIB } from '../../base/units.ts';
import { holds } from '../seed.ts';

const AS_IS = { time: 1, memory: 1 };

test('a short series is played as it is, in time and memory as asked', (t) => {
  const phases = [
    { at_ms: 0, anonymous_bytes: 10 * MIB },
    { at_ms: 100, anonymous_bytes: 40 * MIB },
  ];
  const series = { name: 's', phases, duration_ms: 200 };
  t.deepEqual(workOfSeries(series, { time: 10, memory: 0.5 }), {
    anonymous_bytes: 5 * MIB,
    file_bytes: 0,
    cpu_ms: 0,
    wall_ms: 2_000,
    phases: [{ at_ms: 1_000, anonymous_bytes: 20 * MIB }],
  });
});

test('of any series there are no more phases than an emulation takes, in order, with the peak', async (t) => {
  const sizes = fc.array(fc.nat(4_096), { minLength: 1, maxLength: 300 });
  await holds(
    t,
    fc.property(sizes, (mib) => {
      const phases = mib.map((size, at) => ({ at_ms: at * 10, anonymous_bytes: size * MIB }));
      const series = { name: 's', phases, duration_ms: mib.length * 10 };
      const work = workSchema.parse(workOfSeries(series, AS_IS));
      const played = work.phases ?? [];
      t.true(played.length <= PROTOCOL.work_phases);
      t.deepEqual(
        played.toSorted((a, b) => a.at_ms - b.at_ms),
        [...played],
      );
      const peak = Math.max(work.anonymous_bytes, ...played.map((one) => one.anonymous_bytes));
      t.is(peak, peakOf(series));
    }),
  );
});
