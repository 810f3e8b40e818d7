/**
 * The queue of operations: one for each host, in which every resize waits for its turn. Its
 * classes, its settings and what it has learned, as plain data; core/queue.ts decides. Pure.
 */
import { MIB } from '../../base/units.ts';
import { kindOf, type OperationState } from './operations.ts';

/** In the order in which they are sent. */
export const OPERATION_CLASSES = ['start', 'grow', 'refill', 'reclaim'] as const;
export type OperationClass = (typeof OPERATION_CLASSES)[number];

export interface QueueConfig {
  /** Memory is given back in steps of so much, which others can go between; null: all at once. */
  readonly step_bytes: number | null;
  /** What is foreseen to take no longer goes whole, and so does what nothing is foreseen of. */
  readonly whole_ms: number;
  /** Operations under way on the host; null: no bound of their number. */
  readonly at_once_max: number | null;
  /** Whether operations of a class go by slack (true), or all in order of their decisions. */
  readonly by_slack: boolean;
  /**
   * Tokens: steps of 128 MiB of larger unplugs that may be under way at once, at most, when no
   * neighbour is slowed down.
   */
  readonly tokens_max: number;
  /** How many there are at first; null: one for each CPU of the host, as many as can work on it. */
  readonly tokens_first: number | null;
  /** A neighbour may run so many times as long beside them; above it, half as many go on. */
  readonly slowdown_max: number;
  readonly epoch_ms: number;
  /** Longest wait of an operation in the queue, by class, all its waits together. */
  readonly wait_ms: Readonly<Record<OperationClass, number>>;
  /**
   * What holding a GiB for a second is worth, in ms of work: a region that is wanted again before
   * giving it back has paid stays plugged; null: every one is given back.
   */
  readonly hold_ms_per_gib_s: number | null;
  /**
   * Whether a VMM whose only work is reclaim that nobody waits for runs behind all else on the
   * host, for `wait_ms.reclaim` at most; false also where the host has no way to do it.
   */
  readonly yields: boolean;
}

/** Chosen, but for the step: the issue of MASK's tokens, applied to memory. */
export const DEFAULT_QUEUE: QueueConfig = {
  step_bytes: 128 * MIB,
  whole_ms: 50,
  at_once_max: null,
  by_slack: true,
  tokens_max: 32,
  tokens_first: null,
  slowdown_max: 1.2,
  epoch_ms: 1_000,
  wait_ms: { start: 100, grow: 100, refill: 1_000, reclaim: 1_000 },
  hold_ms_per_gib_s: null,
  yields: false,
};

/** No queue: all goes at once, whole, in the order of decisions. What others are compared with. */
export const NO_QUEUE: QueueConfig = {
  ...DEFAULT_QUEUE,
  step_bytes: null,
  by_slack: false,
  tokens_max: Number.MAX_SAFE_INTEGER,
};

/** What the queue of a host has come to. */
export interface QueueState {
  /** Operations that wait: how many rows of them say so. */
  readonly waiting: number;
  /** Tokens that heavy unplugs under way have taken, and how many there are. */
  readonly heavy: number;
  readonly tokens: number;
  /** Counts epochs in which something heavy was given back; it is over at `ends_at_ms`. */
  readonly epoch: number;
  readonly ends_at_ms: number;
  /** Functions that ran beside one in this epoch often enough to tell how much slower that was. */
  readonly slowed: readonly string[];
  /** Whether any ran beside one until `ends_at_ms`, however often. */
  readonly met: boolean;
  /** When a heavy unplug was under way last; null: never. */
  readonly reclaimed_at_ms: number | null;
  /** How many times as long the worst neighbour ran in the last epoch; null: nobody tells. */
  readonly slowdown: number | null;
  /** VMs whose VMMs run behind all else now; an agent that takes them over knows of none. */
  readonly yielding: readonly string[];
}

/** `host_cpus`: null: not known. */
export function newQueue(
  { tokens_max, tokens_first }: QueueConfig,
  host_cpus: number | null,
): QueueState {
  return {
    waiting: 0,
    heavy: 0,
    tokens: Math.min(tokens_max, tokens_first ?? host_cpus ?? tokens_max),
    epoch: 0,
    ends_at_ms: 0,
    slowed: [],
    met: false,
    reclaimed_at_ms: null,
    slowdown: null,
    yielding: [],
  };
}

export function classOf(
  operation: Pick<OperationState, 'cause' | 'to_bytes' | 'final_bytes'>,
): OperationClass {
  const { cause } = operation;
  if (cause === 'start' || cause === 'grow') return cause;
  // Somebody who runs waits for it.
  if (cause === 'open') return 'grow';
  return kindOf(operation) === 'plug' ? 'refill' : 'reclaim';
}

/** Where it ends when all its steps are done. */
export const finalBytes = ({
  to_bytes,
  final_bytes = to_bytes,
}: Pick<OperationState, 'to_bytes' | 'final_bytes'>): number => final_bytes;

/** It waits for its turn: its VMM was not asked for this step. */
export const isWaiting = ({ waits_since_ms = null }: OperationState): boolean =>
  waits_since_ms !== null;

/** An unplug of more is felt beside it, whole or in steps; a token is for so much of it. */
const TOKEN_BYTES = 128 * MIB;

/** Whether it needs tokens: one that gives back more than a usual step. */
function isHeavy(operation: OperationState): boolean {
  if (kindOf(operation) !== 'unplug') return false;
  const { from_bytes, final_bytes, to_bytes, begun_bytes = from_bytes } = operation;
  return begun_bytes - (final_bytes ?? to_bytes) > TOKEN_BYTES;
}

/** How many tokens it needs for what its VMM is asked for now: by its bytes, a step of it alone. */
export function tokensFor(operation: OperationState): number {
  if (!isHeavy(operation)) return 0;
  const { from_bytes, to_bytes } = operation;
  return Math.max(1, Math.ceil((from_bytes - to_bytes) / TOKEN_BYTES));
}

/** What the queue of a host has to count, from its operations. */
export function countQueue(
  operations: Iterable<OperationState>,
): Pick<QueueState, 'waiting' | 'heavy'> {
  let [waiting, heavy] = [0, 0];
  for (const operation of operations) {
    if (isWaiting(operation)) waiting += 1;
    else heavy += tokensFor(operation);
  }
  return { waiting, heavy };
}
