/** The resize state machine, against guests made up by the test. No clock, no VM. */
import test from 'ava';
import fc from 'fast-check';
import { DEVICE_BLOCK_BYTES as BLOCK, MEMORY_BLOCK_BYTES as REGION } from '../../../base/units.ts';
import {
  type ResizeAction,
  type ResizeEvent,
  type ResizeInput,
  startResize,
  stepResize,
} from '../../../hypervisor-client/resize/machine.ts';
import type { ResizeResult } from '../../../hypervisor-client/vm.ts';
import { holds } from '../../seed.ts';

const INPUT: ResizeInput = {
  region_id: 'r0',
  target_bytes: REGION,
  before_bytes: 0,
  resident_before_bytes: 0,
  block_bytes: BLOCK,
  requested_at_ms: 0,
  deadline_ms: 5_000,
};
const UNPLUG = { target_bytes: 0, before_bytes: REGION, resident_before_bytes: REGION };

/** How a made-up guest behaves; `plugged` maps host time and nudges to what it holds. */
interface Guest {
  plugged(now_ms: number, nudges: number): number;
  resident?(now_ms: number): number;
  answer?(action: ResizeAction): ResizeEvent | null;
}

interface Run {
  readonly result: ResizeResult;
  readonly actions: readonly ResizeAction[];
  readonly ended_at_ms: number;
}

const CALL_MS = 0.5;

function run(changes: Partial<ResizeInput>, guest: Guest): Run {
  const input = { ...INPUT, ...changes };
  let now_ms = input.requested_at_ms;
  let nudges = 0;
  let { state, action } = startResize(input);
  const actions: ResizeAction[] = [];
  while (action.type !== 'finish') {
    actions.push(action);
    now_ms += CALL_MS + (action.type === 'look' ? action.pause_ms : 0);
    if (action.type === 'nudge') nudges += 1;
    const seen: ResizeEvent =
      action.type === 'look'
        ? {
            type: 'observed',
            plugged_bytes: guest.plugged(now_ms, nudges),
            resident_bytes: action.resident ? (guest.resident?.(now_ms) ?? 0) : null,
          }
        : { type: 'accepted' };
    ({ state, action } = stepResize(state, guest.answer?.(action) ?? seen, now_ms));
  }
  return { result: action.result, actions, ended_at_ms: now_ms };
}

test('a plug is done when plugged equals the target, with every stamp', (t) => {
  const { result } = run({}, { plugged: (now_ms) => (now_ms < 10 ? 0 : REGION) });
  t.is(result.outcome, 'done');
  t.is(result.accepted_at_ms, CALL_MS);
  t.true((result.plugged_at_ms ?? 0) >= 10 && (result.plugged_at_ms ?? 0) < 12);
  t.is(result.resident_at_ms, null);
});

test('an accepted target alone is never done', (t) => {
  const { result } = run({}, { plugged: () => 0 });
  t.is(result.outcome, 'refused');
  t.is(result.error_code, 'HP_VMM_STALLED');
});

test('an unplug is done only when the host sees it', (t) => {
  const { result } = run(UNPLUG, {
    plugged: (now_ms) => (now_ms < 10 ? REGION : 0),
    resident: (now_ms) => (now_ms < 30 ? REGION : 0),
  });
  t.is(result.outcome, 'done');
  t.true((result.plugged_at_ms ?? 0) < 15);
  t.true((result.resident_at_ms ?? 0) >= 30);
});

test('an unplug the host does not see is partial, and says so', (t) => {
  const { result } = run(UNPLUG, { plugged: () => 0, resident: () => BLOCK });
  t.is(result.outcome, 'partial');
  t.is(result.error_code, 'HP_VMM_HOST_KEPT');
});

test('the same value is done without a nudge', (t) => {
  const same = { target_bytes: REGION, before_bytes: REGION };
  const { result, ended_at_ms } = run(same, { plugged: () => REGION });
  t.is(result.outcome, 'done');
  t.is(result.nudges, 0);
  t.true(ended_at_ms < 5);
});

test('a guest that sleeps on a partial unplug is nudged, each time later than before', (t) => {
  const { result, ended_at_ms } = run(UNPLUG, {
    plugged: (_now_ms, nudges) => (nudges < 2 ? 64 * BLOCK : 0),
  });
  t.is(result.outcome, 'done');
  t.is(result.nudges, 2);
  t.true(ended_at_ms > 3_000 && ended_at_ms < 3_100, `${ended_at_ms}`);
});

test('nudges are bounded', (t) => {
  const bounded = { ...UNPLUG, deadline_ms: 60_000, nudges_max: 3 };
  t.is(run(bounded, { plugged: () => BLOCK }).result.nudges, 3);
});

test('a plug that stalls is withdrawn to what is plugged, in whole blocks', (t) => {
  const { result, actions } = run({}, { plugged: () => 3 * BLOCK });
  t.is(result.outcome, 'partial');
  t.is(result.plugged_bytes, 3 * BLOCK);
  t.deepEqual(
    actions.findLast((action) => action.type === 'set-target'),
    {
      type: 'set-target',
      bytes: 3 * BLOCK,
    },
  );
});

test('a plug that arrives after it was withdrawn is not done', (t) => {
  const { result } = run(
    { deadline_ms: 100 },
    { plugged: (now_ms) => (now_ms < 100.6 ? BLOCK : REGION) },
  );
  t.is(result.outcome, 'partial');
  t.is(result.plugged_bytes, REGION, 'an upper bound of what the guest holds');
});

test('an unplug that stalls keeps its target', (t) => {
  const { result, actions } = run(UNPLUG, { plugged: () => BLOCK, resident: () => BLOCK });
  t.is(result.outcome, 'partial');
  const targets = actions.filter((action) => action.type === 'set-target');
  t.deepEqual(targets, [{ type: 'set-target', bytes: 0 }]);
});

test('an unplug beside other regions of the device is taken back when it stalls', (t) => {
  const shared = { ...UNPLUG, block_bytes: REGION, withdraws_unplug: true };
  const stuck = run(shared, { plugged: () => REGION, resident: () => REGION });
  t.is(stuck.result.outcome, 'refused');
  t.is(stuck.result.error_code, 'HP_VMM_STALLED');
  t.is(stuck.result.plugged_bytes, REGION);
  const targets = stuck.actions.filter((action) => action.type === 'set-target');
  t.deepEqual(
    targets.map(({ bytes }) => bytes),
    [0, REGION],
  );
  // Given back between the last look and the withdrawal: it is about to be plugged again.
  const late = run(
    { ...shared, deadline_ms: 100 },
    { plugged: (now_ms) => (now_ms < 100.6 ? REGION : 0), resident: () => 0 },
  );
  t.is(late.result.outcome, 'refused');
  t.is(late.result.plugged_bytes, REGION, 'an upper bound of what the guest holds');
});

test('a target the VMM rejects is refused with its words', (t) => {
  const { result } = run(
    {},
    {
      plugged: () => 0,
      answer: () => ({ type: 'rejected', code: 'HP_VMM_REJECTED', reason: 'no' }),
    },
  );
  t.is(result.outcome, 'refused');
  t.is(result.error_code, 'HP_VMM_REJECTED');
  t.is(result.reason, 'no');
  t.is(result.accepted_at_ms, null);
});

test('a connection that breaks leaves the larger of target and last look', (t) => {
  const broken: ResizeEvent = { type: 'broken', error_code: 'HP_QMP_TIMEOUT', reason: 'late' };
  const answer = (action: ResizeAction) => (action.type === 'look' ? broken : null);
  t.is(run({}, { plugged: () => 0, answer }).result.plugged_bytes, REGION);
  t.is(run(UNPLUG, { plugged: () => 0, answer }).result.plugged_bytes, REGION);
  t.is(run({}, { plugged: () => 0, answer }).result.outcome, 'failed');
});

const SILENT: ResizeEvent = { type: 'unanswered', error_code: 'HP_QMP_TIMEOUT', reason: 'late' };

test('a VMM that answers again before the deadline is asked again, and the resize goes on', (t) => {
  for (const kind of ['set-target', 'look'] as const) {
    let silent = 3;
    const answer = (action: ResizeAction): ResizeEvent | null => {
      if (action.type !== kind || silent === 0) return null;
      silent -= 1;
      return SILENT;
    };
    const { result } = run({}, { plugged: () => REGION, answer });
    t.is(result.outcome, 'done', kind);
    t.is(result.plugged_bytes, REGION);
    t.is(silent, 0);
  }
});

test('a VMM that stays silent fails the resize at its deadline, with an upper bound', (t) => {
  const { result, ended_at_ms } = run({}, { plugged: () => 0, answer: () => SILENT });
  t.is(result.outcome, 'failed');
  t.is(result.error_code, 'HP_QMP_TIMEOUT');
  t.is(result.plugged_bytes, REGION);
  t.true(ended_at_ms >= INPUT.deadline_ms && ended_at_ms <= INPUT.deadline_ms + 2 * CALL_MS);
});

test('a VM that is gone holds nothing', (t) => {
  const gone: ResizeEvent = { type: 'broken', error_code: 'HP_VMM_GONE', reason: 'gone' };
  const { result } = run(UNPLUG, { plugged: () => 0, answer: () => gone });
  t.is(result.outcome, 'failed');
  t.is(result.plugged_bytes, 0);
});

test('whatever a guest does, a resize ends in time with an outcome that is true', async (t) => {
  const blocks = fc.integer({ min: 0, max: REGION / BLOCK });
  const property = fc.property(
    fc.record({
      before: blocks,
      target: blocks,
      deadline_ms: fc.integer({ min: 0, max: 10_000 }),
      looks: fc.array(fc.tuple(blocks, blocks), { minLength: 1, maxLength: 40 }),
    }),
    ({ before, target, deadline_ms, looks }) => {
      let at = 0;
      const plan: Partial<ResizeInput> = {
        before_bytes: before * BLOCK,
        target_bytes: target * BLOCK,
        resident_before_bytes: 0,
        deadline_ms,
      };
      const look = (step: number) => looks[Math.min((at += step), looks.length - 1)] ?? [0, 0];
      const { result, ended_at_ms, actions } = run(plan, {
        plugged: () => look(1)[0] * BLOCK,
        resident: () => look(0)[1] * BLOCK,
      });
      t.true(ended_at_ms <= deadline_ms + 10 * CALL_MS, `ended at ${ended_at_ms}`);
      t.is(result.outcome === 'done', result.error_code === null);
      t.true(result.nudges <= Math.ceil(deadline_ms / 1_000));
      const lasting = actions.findLast((action) => action.type === 'set-target')?.bytes;
      if (result.outcome === 'done') {
        t.is(result.plugged_bytes, result.requested_bytes);
        t.is(lasting, result.requested_bytes);
        if (target <= before) t.true((result.resident_bytes ?? Infinity) <= result.plugged_bytes);
      }
      if (result.outcome === 'refused') t.is(result.plugged_bytes, result.before_bytes);
    },
  );
  await holds(t, property, { runs: 2_000 });
});
