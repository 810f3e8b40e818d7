/** A call is split without a gap: its stages are what it waited for, and add up to the whole. */
import test from 'ava';
import fc from 'fast-check';
import { CALL_STAGES, splitCalls, stagesOfCall } from '../../../autoscaler/profile/stages.ts';
import { holds } from '../../seed.ts';
import { callOf, operationOf } from './calls.ts';

const COLD = callOf({
  invocation_id: 'a',
  instance_id: 'i1',
  cold: true,
  operation_id: 'op1',
  planned_at_ms: 8,
  sent_at_ms: 9,
  received_at_ms: 10,
  created_at_ms: 16,
  sandbox_at_ms: 30,
  plugged_at_ms: 40,
  attached_at_ms: 45,
  instance_ready_at_ms: 60,
  assigned_at_ms: 61,
  first_byte_at_ms: 70,
  finished_at_ms: 100,
});
const PLUG = operationOf({ id: 'op1', kind: 'plug', decided_at_ms: 12, requested_at_ms: 15 });

test('a cold call waits in every stage, and they add up to it', (t) => {
  const { stages_ms, whole_ms } = stagesOfCall(COLD, PLUG);
  t.deepEqual(stages_ms, {
    queue: 2,
    permit: 3,
    plug: 25,
    start: 21,
    first_touch: 9,
    execute: 30,
  });
  t.is(whole_ms, 90);
});

test('a warm call has neither permit nor plug nor start', (t) => {
  const { stages_ms, whole_ms } = stagesOfCall({ ...COLD, cold: false, operation_id: null }, null);
  t.deepEqual(stages_ms, {
    queue: 51,
    permit: null,
    plug: null,
    start: null,
    first_touch: 9,
    execute: 30,
  });
  t.is(whole_ms, 90);
});

test('where nothing was plugged the start is all that a cold call waits for', (t) => {
  const call = { ...COLD, operation_id: null, plugged_at_ms: null };
  const { permit, plug, queue, start } = stagesOfCall(call, null).stages_ms;
  t.deepEqual({ permit, plug, queue, start }, { permit: null, plug: null, queue: 6, start: 45 });
});

test('what was plugged before the call came costs it nothing', (t) => {
  const early = { ...PLUG, decided_at_ms: 1, requested_at_ms: 2 };
  const { queue, permit, plug, start } = stagesOfCall(
    { ...COLD, plugged_at_ms: 5 },
    early,
  ).stages_ms;
  t.deepEqual({ queue, permit, plug, start }, { queue: 0, permit: 0, plug: 0, start: 51 });
});

test('a call that never came to its end has no stages', (t) => {
  for (const lost of [
    { finished_at_ms: null },
    { received_at_ms: null },
    { assigned_at_ms: null },
  ]) {
    const { stages_ms, whole_ms } = stagesOfCall({ ...COLD, ...lost }, PLUG);
    t.is(whole_ms, null);
    t.true(CALL_STAGES.every((stage) => stages_ms[stage] === null));
  }
});

test('whatever the stamps are, no stage is below 0 and they add up to the whole', async (t) => {
  const stamp = fc.option(fc.integer({ min: 0, max: 1_000 }));
  const stamps = fc.record({
    received_at_ms: fc.integer({ min: 0, max: 1_000 }),
    created_at_ms: stamp,
    plugged_at_ms: stamp,
    instance_ready_at_ms: stamp,
    assigned_at_ms: fc.integer({ min: 0, max: 1_000 }),
    first_byte_at_ms: stamp,
    finished_at_ms: fc.integer({ min: 0, max: 1_000 }),
    cold: fc.boolean(),
  });
  const plugs = fc.option(
    fc.record({ decided_at_ms: fc.integer({ min: 0, max: 1_000 }), requested_at_ms: stamp }),
  );
  await holds(
    t,
    fc.property(stamps, plugs, (told, plug) => {
      const operation = plug === null ? null : operationOf({ id: 'op1', ...plug });
      const { stages_ms, whole_ms } = stagesOfCall(
        callOf({ ...told, instance_id: 'i' }),
        operation,
      );
      const values = Object.values(stages_ms).filter((value) => value !== null);
      const sum = values.reduce((all, value) => all + value, 0);
      return values.every((value) => value >= 0) && Math.abs(sum - (whole_ms ?? 0)) < 1e-6;
    }),
    { runs: 2_000 },
  );
});

test('the unplug is that of the instance, and of its last call alone', (t) => {
  const later = { ...COLD, invocation_id: 'b', cold: false, operation_id: null };
  const calls = [
    { ...COLD, planned_at_ms: 8 },
    {
      ...later,
      received_at_ms: 120,
      assigned_at_ms: 120,
      first_byte_at_ms: 121,
      finished_at_ms: 130,
    },
    { ...later, invocation_id: 'c', instance_id: 'i2' },
    { ...later, invocation_id: 'd', function: 'g' },
  ];
  const unplug = operationOf({
    id: 'op2',
    kind: 'unplug',
    instance_id: 'i1',
    cause: 'stop',
    decided_at_ms: 140,
    stop_at_ms: 135,
    resident_at_ms: 160,
  });
  const living = (['shrink', 'close', 'cede'] as const).map((cause) => {
    return { ...unplug, id: `op-${cause}`, cause, stop_at_ms: 0 };
  });
  const split = splitCalls(calls, [PLUG, unplug, ...living]);
  t.deepEqual(
    split.map(({ invocation_id, unplug_ms }) => [invocation_id, unplug_ms]),
    [
      ['a', null],
      ['b', 25],
      ['c', null],
      ['d', null],
    ],
  );
  t.deepEqual([split[0]?.arrival_error_ms, split[0]?.received_error_ms], [1, 2]);
});

test('an unplug that was not done is none', (t) => {
  const partial = operationOf({
    kind: 'unplug',
    instance_id: 'i1',
    outcome: 'partial',
    decided_at_ms: 1,
    plugged_at_ms: 2,
  });
  t.is(splitCalls([COLD], [partial])[0]?.unplug_ms, null);
});
