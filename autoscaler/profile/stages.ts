/**
 * One call as its stages. They follow one another without a gap and add up to the time from when
 * the agent had the call until its end: a stage is how long the call waited in it, so what ran
 * beside another stage (the sandbox beside the plug) counts where it was waited for. Null: the call
 * had no such stage, or never came to its end. Pure.
 */
import { between } from '../../base/statistics.ts';
import type { OperationLine } from '../results/schema.ts';
import type { ProfiledCall } from './archive.ts';

export const CALL_STAGES = ['queue', 'permit', 'plug', 'start', 'first_touch', 'execute'] as const;
export type CallStage = (typeof CALL_STAGES)[number];

/** What each is, for people. */
export const CALL_STAGE_TEXTS: Readonly<Record<CallStage | 'unplug', string>> = {
  queue: 'until an instance took it, or a start was decided for it',
  permit: 'until the VMM was asked for the memory that the start was granted',
  plug: 'until the VMM had plugged it',
  start: 'until the instance was ready',
  first_touch: 'until the first byte of its answer or work',
  execute: 'until it was finished',
  unplug: 'after it, of the last call of an instance: from its stop until the host had the memory',
};

export interface CallStages {
  readonly invocation_id: string;
  readonly instance: string;
  readonly function: string;
  readonly outcome: string;
  readonly cold: boolean;
  /** Sent - due; below 0: early. Null: it was not sent. */
  readonly arrival_error_ms: number | null;
  /** Until the agent had it, of the same. */
  readonly received_error_ms: number | null;
  readonly stages_ms: Readonly<Record<CallStage, number | null>>;
  /** From the agent's receipt to the end; the sum of the stages. */
  readonly whole_ms: number | null;
  readonly unplug_ms: number | null;
}

/** In the order of the calls. */
export function splitCalls(
  calls: readonly ProfiledCall[],
  operations: readonly OperationLine[],
): CallStages[] {
  const plugs = new Map(operations.map((one) => [one.id, one]));
  const unplugs = unplugsOf(operations);
  const last = lastCalls(calls);
  return calls.map((call) => {
    const { invocation_id, instance_id } = call;
    const is_last = instance_id !== null && last.get(keyOf(call, instance_id)) === invocation_id;
    const plug = call.operation_id === null ? undefined : plugs.get(call.operation_id);
    return {
      invocation_id,
      instance: call.instance,
      function: call.function,
      outcome: call.outcome,
      cold: call.cold,
      arrival_error_ms: between(call.planned_at_ms, call.sent_at_ms),
      received_error_ms: between(call.planned_at_ms, call.received_at_ms),
      ...stagesOfCall(call, plug ?? null),
      unplug_ms: is_last ? (unplugs.get(keyOf(call, instance_id)) ?? null) : null,
    };
  });
}

/** The boundaries of its stages, each moved within what comes before and after it. */
export function stagesOfCall(
  call: ProfiledCall,
  plug: OperationLine | null,
): Pick<CallStages, 'stages_ms' | 'whole_ms'> {
  const { received_at_ms: begin, finished_at_ms: end, assigned_at_ms } = call;
  if (begin === null || end === null || assigned_at_ms === null) return NO_STAGES;
  const ready = Math.max(assigned_at_ms, call.cold ? (call.instance_ready_at_ms ?? begin) : begin);
  const cold = call.cold ? { plugged: call.plugged_at_ms, created: call.created_at_ms } : null;
  const bounds: Record<CallStage, number | null> = {
    // Where nothing was plugged no decision is told: the guest took the start up then.
    queue: cold ? (plug?.decided_at_ms ?? cold.created ?? begin) : ready,
    permit: cold && plug ? plug.requested_at_ms : null,
    plug: cold && plug ? cold.plugged : null,
    start: cold ? ready : null,
    first_touch: call.first_byte_at_ms,
    execute: end,
  };
  const stages_ms = { ...NO_STAGES.stages_ms };
  let from = begin;
  for (const stage of CALL_STAGES) {
    const until = bounds[stage];
    if (until === null) continue;
    const latest = CALL_STAGES.indexOf(stage) < CALL_STAGES.indexOf('start') ? ready : end;
    const to = Math.max(from, Math.min(until, latest, end));
    stages_ms[stage] = between(from, to);
    from = to;
  }
  return { stages_ms, whole_ms: between(begin, Math.max(begin, end)) };
}

const NO_STAGES: Pick<CallStages, 'stages_ms' | 'whole_ms'> = {
  stages_ms: {
    queue: null,
    permit: null,
    plug: null,
    start: null,
    first_touch: null,
    execute: null,
  },
  whole_ms: null,
};

const keyOf = ({ function: name }: { readonly function: string }, instance_id: string): string =>
  `${name} ${instance_id}`;

/** Causes of unplugs whose instance goes on. */
const OF_THE_LIVING: ReadonlySet<string> = new Set(['shrink', 'close', 'cede']);

/** By instance: from its stop until the host had its memory; where unseen, until plugged 0. */
function unplugsOf(operations: readonly OperationLine[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const one of operations) {
    if (one.kind !== 'unplug' || one.instance_id === null || one.outcome !== 'done') continue;
    if (one.cause !== null && OF_THE_LIVING.has(one.cause)) continue;
    const begin = one.stop_at_ms ?? one.decided_at_ms;
    const took_ms = between(begin, one.resident_at_ms ?? one.plugged_at_ms);
    if (took_ms !== null && took_ms >= 0) found.set(keyOf(one, one.instance_id), took_ms);
  }
  return found;
}

/** By instance: the call that it finished last. */
function lastCalls(calls: readonly ProfiledCall[]): Map<string, string> {
  const last = new Map<string, ProfiledCall>();
  for (const call of calls) {
    if (call.instance_id === null || call.finished_at_ms === null) continue;
    const key = keyOf(call, call.instance_id);
    const before = last.get(key)?.finished_at_ms ?? Number.NEGATIVE_INFINITY;
    if (call.finished_at_ms >= before) last.set(key, call);
  }
  return new Map([...last].map(([key, { invocation_id }]) => [key, invocation_id]));
}
