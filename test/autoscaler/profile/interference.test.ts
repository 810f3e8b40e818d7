/** A function's calls that met another's unplug are held against those that met nothing. */
import test from 'ava';
import fc from 'fast-check';
import { interferenceOf } from '../../../autoscaler/profile/interference.ts';
import { splitCalls } from '../../../autoscaler/profile/stages.ts';
import type { ProfiledCall } from '../../../autoscaler/profile/archive.ts';
import type { OperationLine } from '../../../autoscaler/results/schema.ts';
import { holds } from '../../seed.ts';
import { callOf, operationOf } from './calls.ts';

/** A warm call of `f`, for `for_ms`. */
function steady(at_ms: number, for_ms: number): ProfiledCall {
  const stamps = { received_at_ms: at_ms, assigned_at_ms: at_ms, first_byte_at_ms: at_ms + 1 };
  return callOf({
    instance: 'steady',
    instance_id: 'i',
    finished_at_ms: at_ms + for_ms,
    ...stamps,
  });
}

const other = (told: Partial<OperationLine>): OperationLine =>
  operationOf({ function: 'g', instance_id: 'j', cause: 'stop', kind: 'unplug', ...told });

const told = (calls: readonly ProfiledCall[], operations: readonly OperationLine[]) =>
  interferenceOf(calls, splitCalls(calls, operations), operations);

test('calls that met an unplug of another function are apart from those that met nothing', (t) => {
  const calls = [
    ...Array.from({ length: 10 }, (_, index) => steady(index * 100, 20)),
    ...Array.from({ length: 10 }, (_, index) => steady(1_000 + index * 100, 30)),
  ];
  const unplug = other({ decided_at_ms: 990, stop_at_ms: 980, resident_at_ms: 2_000 });
  const [found, ...rest] = told(calls, [unplug]);
  t.deepEqual(rest, []);
  t.deepEqual([found?.instance, found?.alone, found?.met], ['steady', 10, 10]);
  t.is(found?.p50?.difference_ms, 10);
  t.is(found?.p50?.verdict, 'longer');
  t.is(found?.p95, null, 'ten calls have no p95');
});

test("what met another's plug or work is in neither, and one's own unplugs are no matter", (t) => {
  const work = callOf({
    function: 'g',
    instance: 'churn',
    instance_id: 'j',
    received_at_ms: 110,
    assigned_at_ms: 110,
    finished_at_ms: 190,
  });
  const calls = [steady(0, 20), steady(120, 20), steady(210, 20), steady(300, 20), work];
  const operations = [
    other({ kind: 'plug', cause: 'start', decided_at_ms: 205, plugged_at_ms: 215 }),
    other({ decided_at_ms: 310, resident_at_ms: 400 }),
    other({ function: 'f', decided_at_ms: 0, resident_at_ms: 500 }),
  ];
  const found = told(calls, operations);
  t.deepEqual(
    found.map(({ instance, alone, met }) => [instance, alone, met]),
    [['steady', 1, 1]],
  );
});

test('without an unplug that a call met nothing is told', (t) => {
  t.deepEqual(told([steady(0, 20)], [other({ decided_at_ms: 50, resident_at_ms: 60 })]), []);
  t.deepEqual(told([steady(0, 20)], []), []);
});

test('many spans are searched as one after another would be', async (t) => {
  const span = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40 }));
  await holds(
    t,
    fc.property(fc.array(span, { maxLength: 12 }), fc.array(span, { minLength: 1 }), (un, of) => {
      const operations = un.map(([at, for_ms]) =>
        other({ decided_at_ms: at, resident_at_ms: at + for_ms }),
      );
      const calls = of.map(([at, for_ms]) => steady(at, for_ms + 1));
      const met = calls.filter(({ received_at_ms: from, finished_at_ms: to }) =>
        un.some(([at, for_ms]) => at <= (to ?? 0) && at + for_ms >= (from ?? 0)),
      ).length;
      const [found] = told(calls, operations);
      return met === 0 ? found === undefined : found?.met === met;
    }),
    { runs: 500 },
  );
});
