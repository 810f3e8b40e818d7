/** What a run comes to. Pure. */
import type { Operation } from '../../agent/model/records.ts';
import { boundsOf } from '../../base/number-list.ts';
import { median, percentileOf } from '../statistics.ts';
import type { SpansLine, SpansRun } from './records.ts';

export interface SpanTimes {
  readonly n: number;
  readonly p50_ms: number | null;
  /** Null also below 100 of them. */
  readonly p99_ms: number | null;
  readonly most_ms: number | null;
}

const EDGES = {
  told: ['wanted_at_ms', 'heard_at_ms'],
  sent: ['decided_at_ms', 'requested_at_ms'],
  plugged: ['requested_at_ms', 'plugged_at_ms'],
  host_has_it: ['requested_at_ms', 'resident_at_ms'],
} as const satisfies Readonly<Record<string, readonly [keyof Operation, keyof Operation]>>;

/** What the agent says of an operation after which its three observers do not agree. */
const DISAGREE = 'HP_AGENT_OBSERVERS_DISAGREE';

/**
 * Parts of an open, in their order. `behind`: its region was still on its way back from the close
 * before. `own` is the agent's: from then until the VMM was asked.
 */
export const OPEN_PARTS = ['told', 'behind', 'decided', 'sent', 'plugged'] as const;

export interface SpansSummary {
  readonly opened: number;
  readonly closed: number;
  /** Operations that did not end as done. */
  readonly failed: number;
  /** Closes after which VMM or host have something left, or the host told nothing. */
  readonly not_back: number;
  /** Operations after which the guest says other than they do; and of which it told nothing. */
  readonly disagree: number;
  readonly guest_unseen: number;
  /** What the host held of the span before a close: the least and the most. */
  readonly touched_bytes: readonly [number, number] | null;
  readonly open: Readonly<Record<(typeof OPEN_PARTS)[number] | 'own', SpanTimes>> & {
    /** From plugged until the program has the file, mapped: all less what came before. */
    readonly handed_over: SpanTimes;
    /** By the program's own clock, from its asking until it has it mapped. */
    readonly all: SpanTimes;
  };
  readonly close: {
    /** By the program's own clock, until it goes on. */
    readonly answered: SpanTimes;
    readonly vmm_has_it: SpanTimes;
    readonly host_has_it: SpanTimes;
  };
}

export function summarizeSpans({ lines, operations }: SpansRun): SpansSummary {
  const took = lines.flatMap((line) => line.took);
  const opens = operations.filter(({ cause }) => cause === 'open');
  const closes = operations.filter(({ cause }) => cause === 'close');
  const before = closes.flatMap(({ resident_before_bytes: bytes }) => bytes ?? []);
  const turns = turnsOf(operations);
  const bounds = before.length > 0 ? boundsOf(before) : null;
  const of = (all: readonly Operation[], part: keyof typeof EDGES): SpanTimes =>
    spanTimesOf(all.flatMap((one) => between(one, EDGES[part]) ?? []));
  return {
    opened: opens.length,
    closed: closes.length,
    failed: operations.filter(({ outcome }) => outcome !== 'done').length,
    not_back: closes.filter((one) => !isBack(one)).length,
    disagree: operations.filter(({ error_code }) => error_code === DISAGREE).length,
    guest_unseen: closes.filter((one) => one.guest_plugged_bytes === null).length,
    touched_bytes: bounds ? [bounds.low, bounds.high] : null,
    open: {
      told: of(opens, 'told'),
      behind: spanTimesOf(turns.map((one) => one.behind_ms)),
      decided: spanTimesOf(turns.map((one) => one.decided_ms)),
      sent: of(opens, 'sent'),
      plugged: of(opens, 'plugged'),
      own: spanTimesOf(turns.map((one) => one.own_ms)),
      handed_over: spanTimesOf(handedOver(lines, opens)),
      all: spanTimesOf(took.map(({ open_ms }) => open_ms)),
    },
    close: {
      answered: spanTimesOf(took.map(({ close_ms }) => close_ms)),
      vmm_has_it: of(closes, 'plugged'),
      host_has_it: of(closes, 'host_has_it'),
    },
  };
}

/** Both say that nothing of it is left. */
function isBack({ plugged_bytes, resident_bytes }: Operation): boolean {
  return plugged_bytes === 0 && resident_bytes === 0;
}

interface Turn {
  readonly behind_ms: number;
  readonly decided_ms: number;
  readonly own_ms: number;
}

/** Of each open that was sent: the close before it ended when the host had the memory. */
function turnsOf(operations: readonly Operation[]): Turn[] {
  return operations.flatMap((one, index) => {
    const { cause, heard_at_ms, decided_at_ms, requested_at_ms } = one;
    if (cause !== 'open' || heard_at_ms === null) return [];
    if (decided_at_ms === null || requested_at_ms === null) return [];
    const earlier = operations.slice(0, index).findLast((other) => other.cause === 'close');
    const free_at_ms = Math.max(heard_at_ms, earlier?.resident_at_ms ?? heard_at_ms);
    return {
      behind_ms: free_at_ms - heard_at_ms,
      decided_ms: decided_at_ms - free_at_ms,
      own_ms: requested_at_ms - free_at_ms,
    };
  });
}

function between(
  operation: Operation,
  [from, to]: readonly [keyof Operation, keyof Operation],
): number | null {
  const [from_ms, to_ms] = [operation[from], operation[to]];
  return typeof from_ms === 'number' && typeof to_ms === 'number' ? to_ms - from_ms : null;
}

/** The first of the program are the first of the agent; where one failed nobody knows which. */
function handedOver(lines: readonly SpansLine[], opens: readonly Operation[]): number[] {
  if (opens.some(({ outcome }) => outcome !== 'done')) return [];
  const took = lines.flatMap((line) => line.took);
  return took.flatMap(({ open_ms }, index) => {
    const one = opens[index];
    const before_ms = one ? between(one, ['wanted_at_ms', 'plugged_at_ms']) : null;
    return before_ms === null ? [] : open_ms - before_ms;
  });
}

function spanTimesOf(values_ms: readonly number[]): SpanTimes {
  return {
    n: values_ms.length,
    p50_ms: median(values_ms),
    p99_ms: percentileOf(values_ms, 0.99),
    most_ms: values_ms.length === 0 ? null : boundsOf(values_ms).high,
  };
}
