/**
 * Calls that are foreseen: so many instances are ready when they come, started as long before as a
 * start takes. Whoever waits goes first: nothing is started for them while memory is wanting, or
 * the host is short of it, and no VM is launched.
 */
import { AGENT_LIMITS } from '../limits.ts';
import { durationPercentile } from '../model/durations.ts';
import type { HostEvent } from '../model/events.ts';
import type { ExpectedCall } from '../model/expected-call.ts';
import type { FunctionState, VmState } from '../model/state.ts';
import { recordExpected, recordForeseen } from './ask.ts';
import { freeRegions } from './default-policy/scale.ts';
import { type Draft, vmsOf } from './draft.ts';
import type { Scale } from './policy.ts';
import { isPoolShut } from './pool.ts';
import { earlier } from './wakes.ts';

/** One that runs twice as long as usual has an instance of its own still. */
const LENGTHS = 2;

/** Some are foreseen, others not any more; beyond the limit they come unforeseen. */
export function noteExpected(
  draft: Draft,
  fn: FunctionState,
  { calls, dropped }: Extract<HostEvent, { type: 'expect' }>,
): void {
  const gone = new Set([...dropped, ...calls.map(({ id }) => id)]);
  const kept = fn.expected.filter(({ id, until_ms }) => !gone.has(id) && until_ms > draft.now_ms);
  fn.expected = [...kept, ...calls].slice(0, AGENT_LIMITS.calls_expected);
  recordExpected(draft, fn, { calls, dropped: dropped.length });
}

/** One that was foreseen has come. */
export function noteCame(fn: FunctionState, id: string | undefined): void {
  if (id === undefined || fn.expected.length === 0) return;
  fn.expected = fn.expected.filter((call) => call.id !== id);
}

/** The policy's answer with what is foreseen: more starts, fewer stops. */
export function withExpected(draft: Draft, fn: FunctionState, scale: Scale): Scale {
  if (fn.expected.length === 0) return scale;
  const { now_ms } = draft;
  fn.expected = fn.expected.filter(({ until_ms }) => until_ms > now_ms);
  if (fn.expected.length === 0) return scale;
  const vms = vmsOf(draft, fn);
  const there = countLive(vms);
  const lead_ms = leadMs(fn);
  const isDue = ({ at_ms }: ExpectedCall): boolean => at_ms - lead_ms <= now_ms;
  const due = fn.expected.filter(isDue);
  const lacking = mostAtOnce(draft, fn, vms, due) - there - Math.max(0, scale.starts);
  const room = freeRegions(vms) - Math.max(0, scale.starts);
  const more = mayStart(draft, fn) ? Math.max(0, Math.min(lacking, room)) : 0;
  const spare = Math.max(0, there - mostAtOnce(draft, fn, vms, fn.expected));
  const stops = scale.stops.slice(0, spare);
  recordForeseen(draft, fn, {
    more,
    kept: scale.stops.length - stops.length,
    expected: fn.expected.length,
    lacking: Math.max(0, lacking - more),
    lead_ms,
  });
  return {
    ...scale,
    starts: Math.max(0, scale.starts) + more,
    stops,
    wake_at_ms: nextLook(fn.expected, now_ms, lead_ms, scale.wake_at_ms),
  };
}

/** When one becomes due, or is forgotten. */
function nextLook(
  calls: readonly ExpectedCall[],
  now_ms: number,
  lead_ms: number,
  wake_at_ms: number | null,
): number | null {
  let next_ms = wake_at_ms;
  for (const { at_ms, until_ms } of calls) {
    const due_ms = at_ms - lead_ms;
    next_ms = earlier(next_ms, due_ms > now_ms ? Math.min(due_ms, until_ms) : until_ms);
  }
  return next_ms;
}

/** From a start until it is ready; where nothing is known, it is made at once. */
function leadMs({ pace: { plug, start } }: FunctionState): number {
  const start_ms = durationPercentile(start, 99);
  return start_ms === null
    ? Number.POSITIVE_INFINITY
    : Math.max(start_ms, durationPercentile(plug, 99) ?? 0);
}

function countLive(vms: readonly VmState[]): number {
  let count = 0;
  for (const { phase: of_vm, retiring, instances } of vms) {
    if (of_vm !== 'running' || retiring) continue;
    for (const { phase } of instances) if (phase !== 'stopping') count += 1;
  }
  return count;
}

/**
 * How many instances what runs, what waits and these calls take at once at most, each for as long
 * as the function runs; where that is not known, one for each.
 */
function mostAtOnce(
  draft: Draft,
  fn: FunctionState,
  vms: readonly VmState[],
  calls: readonly ExpectedCall[],
): number {
  const { now_ms } = draft;
  const usual_ms = fn.pace.exec_ms ?? fn.pace.slowed_ms ?? Number.POSITIVE_INFINITY;
  const length_ms = LENGTHS * usual_ms;
  const busy = vms.flatMap(({ instances }) => instances.filter(({ phase }) => phase === 'busy'));
  const spans = [
    ...busy.map(({ assigned_at_ms }) => ({
      from_ms: now_ms,
      to_ms: Math.max(now_ms, assigned_at_ms + length_ms),
    })),
    ...calls.map(({ at_ms }) => {
      const from_ms = Math.max(now_ms, at_ms);
      return { from_ms, to_ms: from_ms + length_ms };
    }),
  ].toSorted((a, b) => a.from_ms - b.from_ms);
  let most = 0;
  let open: number[] = [];
  for (const { from_ms, to_ms } of spans) {
    open = open.filter((end_ms) => end_ms > from_ms);
    open.push(to_ms);
    most = Math.max(most, open.length);
  }
  return most + fn.queue.length;
}

/** Nothing is made ready while others wait for memory, somebody drains, or after a failure. */
function mayStart(draft: Draft, fn: FunctionState): boolean {
  const { waiters, last_failure } = fn;
  if (isPoolShut(draft, fn) || waiters.drain.length > 0) return false;
  if (last_failure === null) return true;
  return draft.now_ms - last_failure.at_ms >= draft.config.start_again_ms;
}
