import test from 'ava';
import fc from 'fast-check';
import { type InstanceModel, playInvocation } from '../../../autoscaler/simulator/instance.ts';
import { STRATEGIES } from '../../../autoscaler/simulator/strategies.ts';
import { NO_HISTORY } from '../../../autoscaler/policy/sizing/history.ts';
import { makeSeries } from '../../../autoscaler/trace/made-series.ts';
import { averageOf, type MemorySeries, peakOf } from '../../../autoscaler/trace/memory-series.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

const MODEL: InstanceModel = {
  costs: { event_ms: 1, permit_ms: 1, plug_p99_ms: 18, refault_ms_per_gib: 350 },
  touch_bytes_per_ms: 3e6,
};

function seriesOf(...steps: readonly (readonly [at_ms: number, mib: number])[]): MemorySeries {
  const phases = steps.map(([at_ms, mib]) => ({ at_ms, anonymous_bytes: mib * MIB }));
  return { name: 'a', phases, duration_ms: 10_000 };
}

function planned(series: MemorySeries, name: string) {
  const strategy = STRATEGIES.find((one) => one.name === name);
  if (!strategy) throw new Error(`no strategy ${name}`);
  return strategy.plan({ series, peak_bytes: peakOf(series), history: NO_HISTORY });
}

const played = (series: MemorySeries, name: string) =>
  playInvocation(series, planned(series, name), MODEL);

test('an instance of its own peak holds it from start to end and never waits', (t) => {
  const tally = played(seriesOf([0, 100], [5_000, 1_000]), 'oracle');
  t.is(tally.held_byte_ms, 1_024 * MIB * 10_000);
  t.like(tally, { plugs: 0, unplugs: 0, waits: 0, wait_ms: 0 });
  t.true(Math.abs(tally.duration_ms - 10_000) < 1e-3);
});

test('the first growth beyond what is plugged is waited for, and makes all later', (t) => {
  // Slower than the reserve notices, then at once: nothing was seen to grow before.
  const slow = { ...MODEL, costs: { ...MODEL.costs, plug_p99_ms: 998 } };
  const series = seriesOf([0, 256], [5_000, 320]);
  const tally = playInvocation(series, { ...planned(series, 'fixed') }, slow);
  t.true(tally.plugs >= 1);
  t.true(tally.waits <= tally.plugs);
  t.true(Math.abs(tally.duration_ms - 10_000 - tally.wait_ms) < 1e-3);
});

test('without a reserve every growth is waited for, and less is held over all', (t) => {
  const sums = { reactive: 0, ahead: 0 };
  for (const series of makeSeries(8)) {
    const plan = planned(series, 'fixed-shrink');
    const reactive = playInvocation(series, plan, { ...MODEL, is_reactive: true });
    const ahead = playInvocation(series, plan, MODEL);
    t.is(reactive.waits, reactive.plugs, series.name);
    t.true(Math.abs(reactive.wait_ms - 20 * reactive.waits) < 1e-3, series.name);
    t.true(ahead.waits <= reactive.waits, series.name);
    sums.reactive += reactive.held_byte_ms / reactive.used_byte_ms;
    sums.ahead += ahead.held_byte_ms / ahead.used_byte_ms;
  }
  t.true(sums.reactive < sums.ahead);
});

test('memory that is given up for long is given back, and only then', (t) => {
  const long = seriesOf([0, 100], [1_000, 1_000], [2_000, 100]);
  t.is(played(long, 'fixed').unplugs, 0);
  t.true(played(long, 'fixed-shrink').unplugs >= 1);
  const share = played(long, 'fixed-shrink').held_byte_ms / played(long, 'fixed').held_byte_ms;
  t.true(share < 0.7, `${share}`);
  const short = seriesOf([0, 1_000], [2_000, 100], [2_200, 1_000]);
  const dip = playInvocation(short, planned(short, 'fixed-shrink'), MODEL);
  t.is(dip.unplugs, 0);
});

test('held and used are told at every change, and never more used than held', (t) => {
  for (const series of makeSeries(5)) {
    let last_ms = 0;
    let told = 0;
    playInvocation(series, planned(series, 'fixed-shrink'), MODEL, (at_ms, held, used) => {
      t.true(at_ms >= last_ms && used <= held + 1, `${series.name} at ${at_ms}`);
      last_ms = at_ms;
      told += 1;
    });
    t.true(told > series.phases.length);
  }
});

const phases = fc.array(
  fc.record({
    after_ms: fc.integer({ min: 1, max: 5_000 }),
    mib: fc.integer({ min: 0, max: 3_000 }),
  }),
  { minLength: 1, maxLength: 25 },
);
const model = fc.record({
  plug_p99_ms: fc.integer({ min: 1, max: 500 }),
  touch_bytes_per_ms: fc.integer({ min: 1_000, max: 10_000_000 }),
});

test('whatever the series and the machine, an invocation ends, and its figures add up', (t) =>
  holds(
    t,
    fc.property(phases, model, (steps, { plug_p99_ms, touch_bytes_per_ms }) => {
      let at_ms = 0;
      const made = steps.map(({ after_ms, mib }) => {
        const phase = { at_ms, anonymous_bytes: mib * MIB };
        at_ms += after_ms;
        return phase;
      });
      const series = { name: 'a', phases: made, duration_ms: at_ms };
      const costs = { ...MODEL.costs, plug_p99_ms };
      return STRATEGIES.every(({ name }) => {
        const tally = playInvocation(series, planned(series, name), { costs, touch_bytes_per_ms });
        const late_ms = tally.duration_ms - series.duration_ms - tally.wait_ms;
        return (
          Math.abs(late_ms) < 1 &&
          tally.held_byte_ms + MIB >= tally.used_byte_ms &&
          tally.waits <= tally.plugs &&
          tally.held_byte_ms <= 6 * GIB * tally.duration_ms
        );
      });
    }),
    { runs: 200 },
  ));

test('without waits, what is used is what the series says, less what is touched late', (t) => {
  for (const series of makeSeries(2)) {
    const { used_byte_ms } = played(series, 'oracle');
    const told_byte_ms = averageOf(series) * series.duration_ms;
    t.true(used_byte_ms <= told_byte_ms * 1.000001, series.name);
    t.true(used_byte_ms > told_byte_ms * 0.8, series.name);
  }
});
