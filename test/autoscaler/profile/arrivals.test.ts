/** Same seed, same arrivals; and they are distributed as is said. */
import test from 'ava';
import fc from 'fast-check';
import { arrivalTimes, planArrivals } from '../../../autoscaler/profile/arrivals.ts';
import { PROFILE_LIMITS } from '../../../autoscaler/profile/limits.ts';
import { type ArrivalRule, readWorkload } from '../../../autoscaler/profile/workload.ts';
import { seededRandom } from '../../../base/random.ts';
import { holds } from '../../seed.ts';

const MOST = PROFILE_LIMITS.arrivals;
const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });

function workloadOf(instances: object, duration_s = 20) {
  const head = { test_name: 't', test_duration_in_seconds: duration_s, random_seed: 1 };
  return readWorkload(JSON.stringify({ ...head, instances }), 'w.json');
}

const instance = fc.record({
  application: fc.constantFrom('a', 'b'),
  distribution: fc.constantFrom('Uniform', 'Poisson'),
  rate: fc.double({ min: 0, max: 50, noNaN: true }),
  activity_window: fc
    .tuple(
      fc.double({ min: 0, max: 15, noNaN: true }),
      fc.double({ min: 0.01, max: 15, noNaN: true }),
    )
    .map(([begin, length]) => [begin, begin + length]),
});

test('the same seed gives the same arrivals, in order, within test and window', async (t) => {
  const instances = fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), instance, {
    minKeys: 1,
    maxKeys: 4,
    noNullPrototype: true,
  });
  await holds(
    t,
    fc.property(instances, seed, (all, one) => {
      const workload = workloadOf(all);
      const arrivals = planArrivals(workload, one) ?? [];
      if (JSON.stringify(arrivals) !== JSON.stringify(planArrivals(workload, one))) return false;
      const in_order = arrivals.every(
        ({ at_ms }, index) => at_ms >= (arrivals[index - 1]?.at_ms ?? 0),
      );
      return (
        in_order &&
        new Set(arrivals.map(({ invocation_id }) => invocation_id)).size === arrivals.length &&
        arrivals.every(({ instance: name, at_ms }) => {
          const rule = workload.instances.find((own) => own.name === name)?.arrivals;
          if (rule?.kind !== 'drawn') return false;
          const [low, high] = [rule.begin_s * 1e3 - 1e-3, Math.min(rule.end_s, 20) * 1e3 + 1e-3];
          return at_ms >= low && at_ms <= high;
        })
      );
    }),
  );
});

const timesOfOwn = (instances: object): number[] =>
  (planArrivals(workloadOf(instances), 7) ?? [])
    .filter(({ instance: name }) => name === 'own')
    .map(({ at_ms }) => at_ms);

test('an instance keeps its arrivals whatever other instances there are', (t) => {
  const own = { application: 'a', distribution: 'Poisson', rate: 20 };
  const alone = timesOfOwn({ own });
  t.true(alone.length > 300);
  t.deepEqual(timesOfOwn({ before: own, own, after: { ...own, rate: 3 } }), alone);
});

test('instances of one rate do not call together, and another seed is another run', (t) => {
  const own = { application: 'a', distribution: 'Poisson', rate: 20 };
  const arrivals = planArrivals(workloadOf({ x: own, y: own }), 7) ?? [];
  const times = (name: string): number[] =>
    arrivals.filter((one) => one.instance === name).map(({ at_ms }) => at_ms);
  const y = new Set(times('y'));
  t.is(times('x').filter((at_ms) => y.has(at_ms)).length, 0);
  t.notDeepEqual(planArrivals(workloadOf({ x: own, y: own }), 8), arrivals);
});

/** Kolmogorov and Smirnov: how far a sample is from what it is drawn from; one in a million is. */
const distanceAllowed = (n: number): number => Math.sqrt(-Math.log(1e-6 / 2) / 2) / Math.sqrt(n);

function distance(sample: readonly number[], cdf: (value: number) => number): number {
  const sorted = sample.toSorted((a, b) => a - b);
  return sorted.reduce((most, value, index) => {
    const at = cdf(value);
    const [below, above] = [index / sorted.length, (index + 1) / sorted.length];
    return Math.max(most, Math.abs(at - below), Math.abs(at - above));
  }, 0);
}

const drawn = (distribution: 'Uniform' | 'Poisson', rate_per_s: number): ArrivalRule => ({
  kind: 'drawn',
  distribution,
  rate_per_s,
  begin_s: 0,
  end_s: 1e6,
});

test('times between Poisson arrivals are exponential with the mean 1 / rate', async (t) => {
  await holds(
    t,
    fc.property(seed, fc.double({ min: 0.5, max: 500, noNaN: true }), (one, rate) => {
      const times =
        arrivalTimes(drawn('Poisson', rate), 2_000 / rate, seededRandom(one), MOST) ?? [];
      const gaps = times.map((at_s, index) => at_s - (times[index - 1] ?? 0));
      const exponential = (value: number): number => 1 - Math.exp(-value * rate);
      return distance(gaps, exponential) < distanceAllowed(gaps.length);
    }),
    { runs: 30 },
  );
});

test('of Poisson arrivals each second has Poisson many: their variance is their mean', (t) => {
  const times = arrivalTimes(drawn('Poisson', 9), 4_000, seededRandom(11), MOST) ?? [];
  const counts = Array.from({ length: 4_000 }, () => 0);
  for (const at_s of times) counts[Math.floor(at_s)] = (counts[Math.floor(at_s)] ?? 0) + 1;
  const mean = times.length / counts.length;
  const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length;
  t.true(Math.abs(mean - 9) < 0.3, String(mean));
  t.true(Math.abs(variance / mean - 1) < 0.12, String(variance / mean));
});

test('uniform arrivals are 1 / rate apart, shifted by a part of that', async (t) => {
  await holds(
    t,
    fc.property(seed, fc.double({ min: 0.5, max: 500, noNaN: true }), (one, rate) => {
      const times = arrivalTimes(drawn('Uniform', rate), 50 / rate, seededRandom(one), MOST) ?? [];
      const [first = 0] = times;
      const apart = times.every(
        (at_s, index) => Math.abs(at_s - first - index / rate) < 1e-9 * Math.max(1, at_s),
      );
      return apart && first >= 1 / rate && first < 2 / rate && times.length >= 48;
    }),
  );
});

test('a list of times between calls is taken as it is, and cut where the test ends', (t) => {
  const interarrivals_s = [5, 0.13, 0.15, 0.8, 20, 0.1];
  const times = arrivalTimes({ kind: 'list', interarrivals_s }, 15, seededRandom(1), MOST);
  t.deepEqual(
    times?.map((at_s) => Math.round(at_s * 1e3)),
    [5_000, 5_130, 5_280, 6_080],
  );
});

test('a rate of 0 calls never; more than may be are none', (t) => {
  t.deepEqual(arrivalTimes(drawn('Poisson', 0), 10, seededRandom(1), MOST), []);
  t.is(arrivalTimes(drawn('Uniform', 100), 10, seededRandom(1), 50), null);
  t.is(
    planArrivals(workloadOf({ i: { application: 'a', distribution: 'Uniform', rate: 1e6 } }), 1),
    null,
  );
});
