/**
 * Performs the actions of the resize state machine on a driver's port. The only shell around it.
 */
import type { Clock } from '../base/clock.ts';
import { isHotplaneError, messageOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { hasCode } from './errors.ts';
import {
  type ResizeAction,
  type ResizeEvent,
  type ResizeInput,
  startResize,
  stepResize,
} from './resize.ts';
import type { ResizeResult } from './vm.ts';

/** What a driver must be able to do with one region. Each call has a deadline of its own. */
export interface ResizePort {
  /**
   * Makes `bytes` the target; the same value is fine. Throws HP_VMM_REJECTED when the VMM answered
   * with an error, anything else when the VM or the way to it broke.
   */
  setTarget(bytes: number): Promise<void>;
  /** Makes the guest look at the target it already has. Throws as `setTarget`. */
  nudge(bytes: number): Promise<void>;
  /** Reads the truth; `resident_bytes` is null unless asked for. */
  look(
    resident: boolean,
  ): Promise<{ readonly plugged_bytes: number; readonly resident_bytes: number | null }>;
}

export interface ResizeRequest
  extends Omit<ResizeInput, 'before_bytes' | 'resident_before_bytes' | 'requested_at_ms'> {
  /** What the region is taken to hold when not even the first look succeeds. */
  readonly max_bytes: number;
}

/**
 * Resizes one region to an outcome. Never rejects for what the VMM or the guest did; ends within
 * the deadline plus one call, or two when a plug is withdrawn.
 */
export async function runResize(
  port: ResizePort,
  request: ResizeRequest,
  clock: Clock,
  signal?: AbortSignal,
): Promise<ResizeResult> {
  const requested_at_ms = clock.nowMs();
  const seen = await look(port, true);
  const broken = seen.type === 'observed' ? null : seen;
  let { state, action } = startResize({
    ...request,
    before_bytes: seen.type === 'observed' ? seen.plugged_bytes : request.max_bytes,
    resident_before_bytes: seen.type === 'observed' ? seen.resident_bytes : null,
    requested_at_ms: broken ? requested_at_ms : clock.nowMs(),
  });
  if (broken) ({ state, action } = stepResize(state, broken, clock.nowMs()));
  let aborted = false;
  while (action.type !== 'finish') {
    let event: ResizeEvent;
    if (signal?.aborted && !aborted && action.type === 'look') {
      aborted = true;
      event = { type: 'aborted' };
    } else {
      event = await perform(port, action, clock, aborted ? undefined : signal);
    }
    ({ state, action } = stepResize(state, event, clock.nowMs()));
  }
  return action.result;
}

async function look(port: ResizePort, resident: boolean): Promise<ResizeEvent> {
  try {
    return { type: 'observed', ...(await port.look(resident)) };
  } catch (error) {
    return brokenBy(error);
  }
}

async function perform(
  port: ResizePort,
  action: Exclude<ResizeAction, { type: 'finish' }>,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<ResizeEvent> {
  if (action.type === 'look') {
    if (action.pause_ms > 0) await sleepUntilAborted(clock, action.pause_ms, signal);
    return await look(port, action.resident);
  }
  try {
    await (action.type === 'nudge' ? port.nudge(action.bytes) : port.setTarget(action.bytes));
    return { type: 'accepted' };
  } catch (error) {
    if (hasCode(error, 'HP_VMM_REJECTED')) return { type: 'rejected', reason: error.message };
    return brokenBy(error);
  }
}

function brokenBy(error: unknown): ResizeEvent {
  const error_code = isHotplaneError(error) ? error.code : 'HP_VMM_CALL_FAILED';
  return { type: 'broken', error_code, reason: messageOf(error) };
}

/** An abort only cuts the pause short; the loop looks at the signal itself. */
async function sleepUntilAborted(
  clock: Clock,
  pause_ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await clock.sleep(Math.min(pause_ms, LIMITS.resize_pause_ms_max), signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}
