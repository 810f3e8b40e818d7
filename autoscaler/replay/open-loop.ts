/** Sends every arrival at its planned time, whatever became of the earlier ones. */
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { REPLAY_LIMITS } from './limits.ts';
import type { InvocationLine } from '../results/schema.ts';
import type { AgentApi, Invocation } from './agent-api.ts';
import { callOf, type PlannedArrival } from './plan.ts';
import type { RunOrigin } from '../results/run-time.ts';
import { invocationLine, type Sent } from './records.ts';

/** Time from now to a run's start, so that its first arrival is not late by our own set-up. */
export const LEAD_MS = 50;

export interface OpenLoop<Arrival extends { readonly at_ms: number }> {
  /** By time, which counts from `start_ms`. */
  readonly arrivals: readonly Arrival[];
  /** Of the host's clock. */
  readonly start_ms: number;
  readonly clock: Clock;
  /** Aborted: nothing more is sent, what is on its way is told as interrupted. */
  readonly signal: AbortSignal;
  /** Sends it; resolves with the record of its answer. */
  readonly invoke: (arrival: Arrival) => Promise<Invocation>;
  /** Told of each arrival once; `sent_at_ms` null: it was not sent. */
  readonly onEnd: (arrival: Arrival, sent_at_ms: number | null, sent: Sent) => void;
  /** Each waits until the one before it has ended, however late that makes it. */
  readonly one_at_a_time?: boolean;
  /** Told the number of invocations on their way whenever it changes. */
  readonly onRunning?: ((running: number) => void) | undefined;
}

/**
 * Resolves when the last reply is there. Rejects with the signal's reason when aborted, after every
 * invocation that was sent has been told of; those never sent are not told.
 */
export async function sendOpenLoop<Arrival extends { readonly at_ms: number }>(
  options: OpenLoop<Arrival>,
): Promise<void> {
  const { arrivals, start_ms, clock, signal, onEnd } = options;
  const in_flight = new Set<Promise<void>>();
  const problems: unknown[] = [];
  for (const arrival of arrivals) {
    const wait_ms = start_ms + arrival.at_ms - clock.nowMs();
    if (wait_ms > 0) await clock.sleep(wait_ms, signal).catch(() => {});
    if (signal.aborted) break;
    if (in_flight.size >= REPLAY_LIMITS.in_flight) {
      onEnd(arrival, null, tooMany());
      continue;
    }
    const sending = sendOne(arrival, options);
    in_flight.add(sending);
    options.onRunning?.(in_flight.size);
    const settled = sending.catch((error: unknown) => void problems.push(error));
    void settled.then(() => {
      in_flight.delete(sending);
      options.onRunning?.(in_flight.size);
    });
    if (options.one_at_a_time) await settled;
    if (problems.length > 0) break;
  }
  await Promise.allSettled(in_flight);
  // Only a line that could not be written ends up here; a failed call is told as one.
  if (problems.length > 0) throw problems[0];
  signal.throwIfAborted();
}

async function sendOne<Arrival extends { readonly at_ms: number }>(
  arrival: Arrival,
  { invoke, clock, signal, onEnd }: OpenLoop<Arrival>,
): Promise<void> {
  const sent_at_ms = clock.nowMs();
  let sent: Sent;
  try {
    const reply = await invoke(arrival);
    sent = { kind: 'replied', reply, replied_at_ms: clock.nowMs() };
  } catch (error) {
    sent = signal.aborted ? { kind: 'interrupted' } : failure(error);
  }
  onEnd(arrival, sent_at_ms, sent);
}

export interface OpenLoopOptions {
  /** By time. */
  readonly arrivals: readonly PlannedArrival[];
  readonly origin: RunOrigin;
  readonly agent: AgentApi;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onLine: (line: InvocationLine) => void;
  readonly onRunning?: (running: number) => void;
}

/** The arrivals of a plan, each a line when it is over. Resolves and rejects as the loop does. */
export async function sendArrivals(options: OpenLoopOptions): Promise<void> {
  const { arrivals, origin, agent, clock, signal, onLine, onRunning } = options;
  await sendOpenLoop({
    arrivals,
    start_ms: origin.start_ms,
    clock,
    signal,
    onRunning,
    invoke: async (arrival) => {
      const { invocation_id, function: name, duration_ms } = arrival;
      const deadline_ms = duration_ms + REPLAY_LIMITS.invoke_slack_ms;
      const request = { function: name, invocation_id, ...callOf(arrival) };
      const {
        failure: _,
        answer: _answer,
        ...reply
      } = await agent.invoke(request, { deadline_ms, signal });
      return reply;
    },
    onEnd: (arrival, sent_at_ms, sent) => onLine(invocationLine(arrival, sent_at_ms, sent, origin)),
  });
}

function failure(error: unknown): Sent {
  const code = isHotplaneError(error) ? error.code : 'HP_REPLAY_INVOKE';
  const reason = error instanceof Error ? error.message : String(error);
  return { kind: 'error', code, reason: reason.slice(0, 1024) };
}

function tooMany(): Sent {
  const reason = `${REPLAY_LIMITS.in_flight} invocations are waiting for their reply already`;
  return { kind: 'not_sent', code: 'HP_REPLAY_IN_FLIGHT', reason };
}
