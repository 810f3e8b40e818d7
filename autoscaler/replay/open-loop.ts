/** Sends every arrival at its planned time, whatever became of the earlier ones. */
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { REPLAY_LIMITS } from './limits.ts';
import type { InvocationLine } from '../results/schema.ts';
import type { AgentApi } from './agent-api.ts';
import type { PlannedArrival } from './plan.ts';
import type { RunOrigin } from '../results/run-time.ts';
import { invocationLine, type Sent } from './records.ts';
import { emulated } from '../../agent/model/work.ts';

export interface OpenLoopOptions {
  /** By time. */
  readonly arrivals: readonly PlannedArrival[];
  readonly origin: RunOrigin;
  readonly agent: AgentApi;
  readonly clock: Clock;
  /** Aborted: nothing more is sent, what is on its way is recorded as interrupted. */
  readonly signal: AbortSignal;
  readonly onLine: (line: InvocationLine) => void;
  /** Told the number of invocations on their way whenever it changes. */
  readonly onRunning?: (running: number) => void;
}

/**
 * Resolves when the last reply is there. Rejects with the signal's reason when aborted, after every
 * invocation that was sent has its line; those never sent have none.
 */
export async function sendArrivals(options: OpenLoopOptions): Promise<void> {
  const { arrivals, origin, clock, signal, onLine } = options;
  const in_flight = new Set<Promise<void>>();
  const problems: unknown[] = [];
  for (const arrival of arrivals) {
    const wait_ms = origin.start_ms + arrival.at_ms - clock.nowMs();
    if (wait_ms > 0) await clock.sleep(wait_ms, signal).catch(() => {});
    if (signal.aborted) break;
    if (in_flight.size >= REPLAY_LIMITS.in_flight) {
      onLine(invocationLine(arrival, null, tooMany(), origin));
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
    if (problems.length > 0) break;
  }
  await Promise.allSettled(in_flight);
  // Only a line that could not be written ends up here; a failed call is a line of its own.
  if (problems.length > 0) throw problems[0];
  signal.throwIfAborted();
}

async function sendOne(arrival: PlannedArrival, options: OpenLoopOptions): Promise<void> {
  const { origin, agent, clock, signal, onLine } = options;
  const { invocation_id, work } = arrival;
  const sent_at_ms = clock.nowMs();
  const deadline_ms = arrival.duration_ms + REPLAY_LIMITS.invoke_slack_ms;
  let sent: Sent;
  try {
    const request = { function: arrival.function, invocation_id, ...emulated(work) };
    const {
      failure: _,
      answer: _answer,
      ...reply
    } = await agent.invoke(request, { deadline_ms, signal });
    sent = { kind: 'replied', reply, replied_at_ms: clock.nowMs() };
  } catch (error) {
    sent = signal.aborted ? { kind: 'interrupted' } : failure(error);
  }
  onLine(invocationLine(arrival, sent_at_ms, sent, origin));
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
