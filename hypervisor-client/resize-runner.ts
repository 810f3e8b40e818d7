/** Performs the actions of the resize state machine on a driver's port. The only shell around it. */
import type { Clock } from '../base/clock.ts';
import { describeError, isHotplaneError } from '../base/errors.ts';
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

export type ResizeRequest = Omit<
  ResizeInput,
  'before_bytes' | 'resident_before_bytes' | 'requested_at_ms'
>;

/**
 * Resizes one region to an outcome. Never rejects for what the VMM or the guest did after the first
 * look; ends within the deadline plus one call, or two when a plug is withdrawn.
 */
export async function runResize(
  port: ResizePort,
  request: ResizeRequest,
  clock: Clock,
  signal?: AbortSignal,
): Promise<ResizeResult> {
  const before = await port.look(true);
  const started = startResize({
    ...request,
    before_bytes: before.plugged_bytes,
    resident_before_bytes: before.resident_bytes ?? 0,
    requested_at_ms: clock.nowMs(),
  });
  let { state, action } = started;
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

async function perform(
  port: ResizePort,
  action: Exclude<ResizeAction, { type: 'finish' }>,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<ResizeEvent> {
  try {
    if (action.type === 'look') {
      if (action.pause_ms > 0) await sleepUntilAborted(clock, action.pause_ms, signal);
      return { type: 'observed', ...(await port.look(action.resident)) };
    }
    await (action.type === 'nudge' ? port.nudge(action.bytes) : port.setTarget(action.bytes));
    return { type: 'accepted' };
  } catch (error) {
    if (hasCode(error, 'HP_VMM_REJECTED')) return { type: 'rejected', reason: error.message };
    const error_code = isHotplaneError(error) ? error.code : 'HP_VMM_CALL_FAILED';
    return { type: 'broken', error_code, reason: describeError(error) };
  }
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
