/**
 * Performs the actions of the resize state machine on a driver's port. The only shell around it.
 */
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError, messageOf } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { VMM_LIMITS } from '../limits.ts';
import { roundUp } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { hasCode } from '../errors.ts';
import {
  type ResizeAction,
  type ResizeEvent,
  type ResizeInput,
  mayPass,
  startResize,
  stepResize,
} from './machine.ts';
import type { Hold } from './turn.ts';
import type { ResizeResult } from '../vm.ts';

/** What a target is refused with. */
const REFUSALS = ['HP_VMM_REJECTED', 'HP_VMM_NO_HUGE_PAGES'] as const;

/** Milliseconds that a call may take from now on; falls with the time. */
export type CallLimit = () => number;

/** What a driver must be able to do with one region, each call within its limit. */
export interface ResizePort {
  /**
   * Makes `bytes` the target; the same value is fine. Throws HP_VMM_REJECTED when the VMM answered
   * with an error, HP_VMM_NO_HUGE_PAGES when the host has too few, anything else when the VM or the
   * way to it broke.
   */
  setTarget(bytes: number, limit: CallLimit): Promise<void>;
  /** Makes the guest look at the target it already has. Throws as `setTarget`. */
  nudge(bytes: number, limit: CallLimit): Promise<void>;
  /** Reads the truth; `resident_bytes` is null unless asked for. */
  look(
    resident: boolean,
    limit: CallLimit,
  ): Promise<{ readonly plugged_bytes: number; readonly resident_bytes: number | null }>;
  /**
   * Makes what is plugged the target, so that nothing of it moves while others do; throws as
   * `setTarget`. Without it the turn is kept to the end.
   */
  park?(limit: CallLimit): Promise<void>;
  /** Whether a plug may be sent without a look before it: nothing is worked out from such looks. */
  readonly plugs_unseen?: boolean;
  /**
   * Calls back when the VMM tells of the region's size, which cuts a pause short; returns how to
   * stop that. A VMM may tell late or never: the looks go on.
   */
  onNews?(wake: () => void): () => void;
}

export interface RegionResize
  extends Omit<
    ResizeInput,
    'before_bytes' | 'resident_before_bytes' | 'requested_at_ms' | 'hurries'
  > {
  /** What the region is taken to hold when not even the first look succeeds. */
  readonly max_bytes: number;
  /** As in ResizeOptions, these two. */
  readonly known_bytes?: number;
  readonly cut?: AbortSignal;
  /** The turn that it has, where regions move one after another. */
  readonly hold?: Hold;
}

/**
 * Resizes one region to an outcome. Never rejects for what the VMM or the guest did; ends within
 * the deadline plus VMM_LIMITS.resize_overrun_ms. A call without an answer is made again until the
 * deadline.
 */
export async function runResize(
  port: ResizePort,
  request: RegionResize,
  clock: Clock,
  signal?: AbortSignal,
): Promise<ResizeResult> {
  const asked_at_ms = clock.nowMs();
  const limit = callLimit(clock, asked_at_ms + request.deadline_ms);
  const unseen = knownPlug(port, request);
  const seen = unseen ?? (await firstLook(port, clock, asked_at_ms + request.deadline_ms, limit));
  const broken = seen.type === 'observed' ? null : seen;
  let { state, action } = startResize({
    ...request,
    before_bytes: seen.type === 'observed' ? seen.plugged_bytes : request.max_bytes,
    resident_before_bytes: seen.type === 'observed' ? seen.resident_bytes : null,
    requested_at_ms: broken ? asked_at_ms : clock.nowMs(),
    hurries: unseen !== null,
  });
  if (broken) ({ state, action } = stepResize(state, broken, clock.nowMs()));
  const { cut, stop } = endsOf(port, request, signal);
  let aborted = false;
  let asked = false;
  while (action.type !== 'finish') {
    let event: ResizeEvent;
    if (stop?.aborted && !aborted && action.type === 'look') {
      aborted = true;
      event = { type: 'aborted' };
    } else if (cut?.aborted && !asked) {
      event = { type: 'cut' };
    } else {
      const passes = action.type === 'look' && mayPass(state) && request.hold?.isWanted();
      const left_ms = asked_at_ms + request.deadline_ms - clock.nowMs();
      const passed = passes ? await letPass(port, request, { clock, limit, left_ms }) : null;
      const by = { clock, limit, signal: aborted ? null : stop, cut };
      asked = true;
      event = passed ?? (await performUnlessCut(port, action, by));
    }
    ({ state, action } = stepResize(state, event, clock.nowMs()));
  }
  return action.result;
}

/**
 * What may end it early. A cut ends it at once where nothing is worked out from its looks, and what
 * it leaves as target is nobody else's; elsewhere as any abort does.
 */
function endsOf(
  { plugs_unseen = false }: ResizePort,
  { cut, withdraws_unplug = false }: RegionResize,
  signal: AbortSignal | undefined,
): { readonly cut: AbortSignal | undefined; readonly stop: AbortSignal | undefined } {
  if (!cut || (plugs_unseen && !withdraws_unplug)) return { cut, stop: signal };
  return { cut: undefined, stop: signal ? AbortSignal.any([signal, cut]) : cut };
}

/** A look that a cut makes idle is not waited for: what it would say is of no use any more. */
async function performUnlessCut(
  port: ResizePort,
  action: Exclude<ResizeAction, { type: 'finish' }>,
  by: Parameters<typeof perform>[2],
): Promise<ResizeEvent> {
  const { cut } = by;
  if (!cut || action.type !== 'look') return await perform(port, action, by);
  if (cut.aborted) return { type: 'cut' };
  const { promise, resolve } = Promise.withResolvers<ResizeEvent>();
  const onCut = (): void => resolve({ type: 'cut' });
  cut.addEventListener('abort', onCut, { once: true });
  try {
    return await Promise.race([promise, perform(port, action, by)]);
  } finally {
    cut.removeEventListener('abort', onCut);
  }
}

/** Lets other regions move first. Null: it keeps its turn. */
async function letPass(
  port: ResizePort,
  { hold }: RegionResize,
  by: { readonly clock: Clock; readonly limit: CallLimit; readonly left_ms: number },
): Promise<ResizeEvent | null> {
  const { clock, limit, left_ms } = by;
  if (!hold || !port.park || left_ms <= 0) return null;
  try {
    await port.park(limit);
  } catch (error) {
    return hasCode(error, 'HP_VMM_REJECTED') ? null : brokenBy(error);
  }
  const parked_at_ms = clock.nowMs();
  const came = await hold.pass(left_ms);
  return { type: 'passed', waited_ms: clock.nowMs() - parked_at_ms, came };
}

/** What a call may take: no longer than any call, and not beyond the end of the operation. */
function callLimit(clock: Clock, deadline_at_ms: number): CallLimit {
  const end_ms = deadline_at_ms + VMM_LIMITS.resize_overrun_ms;
  return () => Math.max(1, Math.min(LIMITS.vmm_call_ms, end_ms - clock.nowMs()));
}

/** Of a plug that somebody waits for: what is known instead of a first look; null: look. */
function knownPlug(
  { plugs_unseen = false }: ResizePort,
  { known_bytes, target_bytes }: RegionResize,
): Extract<ResizeEvent, { type: 'observed' }> | null {
  if (!plugs_unseen || known_bytes === undefined || known_bytes >= target_bytes) return null;
  return { type: 'observed', plugged_bytes: known_bytes, resident_bytes: null };
}

/** Made again while nobody answers and the deadline is not over. */
async function firstLook(
  port: ResizePort,
  clock: Clock,
  deadline_at_ms: number,
  limit: CallLimit,
): Promise<ResizeEvent> {
  for (;;) {
    const seen = await look(port, true, limit);
    if (seen.type !== 'unanswered' || clock.nowMs() >= deadline_at_ms) return seen;
  }
}

async function look(port: ResizePort, resident: boolean, limit: CallLimit): Promise<ResizeEvent> {
  try {
    return { type: 'observed', ...(await port.look(resident, limit)) };
  } catch (error) {
    return brokenBy(error);
  }
}

async function perform(
  port: ResizePort,
  action: Exclude<ResizeAction, { type: 'finish' }>,
  by: {
    readonly clock: Clock;
    readonly limit: CallLimit;
    readonly signal: AbortSignal | null | undefined;
    readonly cut?: AbortSignal | undefined;
  },
): Promise<ResizeEvent> {
  const { clock, limit, signal, cut } = by;
  if (action.type === 'look') {
    if (action.pause_ms > 0) await pause(port, clock, action.pause_ms, signal ?? undefined);
    if (cut?.aborted) return { type: 'cut' };
    return await look(port, action.resident, limit);
  }
  try {
    if (action.type === 'nudge') await port.nudge(action.bytes, limit);
    else await port.setTarget(action.bytes, limit);
    return { type: 'accepted' };
  } catch (error) {
    for (const code of REFUSALS) {
      if (hasCode(error, code)) return { type: 'rejected', code, reason: error.message };
    }
    return brokenBy(error);
  }
}

function brokenBy(error: unknown): ResizeEvent {
  const error_code = isHotplaneError(error) ? error.code : 'HP_VMM_CALL_FAILED';
  const type = isHotplaneError(error) && error.category === 'timeout' ? 'unanswered' : 'broken';
  return { type, error_code, reason: messageOf(error) };
}

async function pause(
  port: ResizePort,
  clock: Clock,
  pause_ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const slept = sleepUntilAborted(clock, pause_ms, signal);
  if (!port.onNews) return await slept;
  const news = Promise.withResolvers<void>();
  const stop = port.onNews(news.resolve);
  await Promise.race([slept, news.promise]).finally(stop);
}

/** An abort only cuts the pause short; the loop looks at the signal itself. */
async function sleepUntilAborted(
  clock: Clock,
  pause_ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await clock.sleep(Math.min(pause_ms, VMM_LIMITS.resize_pause_ms_max), signal);
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

/** Of a call outside of any operation. */
export const anyCall: CallLimit = () => LIMITS.vmm_call_ms;

/** Who resizes: tells when nobody needs a target withdrawn any more. */
export interface ResizeOwner {
  readonly clock: Clock;
  /** Aborted when the VM ended or was released. */
  readonly stop: AbortSignal;
  /** Whether nobody has asked for another target of this region since. */
  readonly isOurs: () => boolean;
}

/**
 * {@link runResize}; what a silent VMM ended is withdrawn, if it is to be, when it answers again.
 */
export async function resizeOwned(
  port: ResizePort,
  request: RegionResize,
  owner: ResizeOwner,
  signal?: AbortSignal,
): Promise<ResizeResult> {
  const result = await runResize(port, request, owner.clock, signal);
  const { outcome, error_code, requested_bytes, before_bytes } = result;
  const silent = outcome === 'failed' && error_code?.endsWith('_TIMEOUT');
  const withdraws = requested_bytes > before_bytes || request.withdraws_unplug === true;
  if (silent && withdraws) void withdrawLater(port, request, owner);
  return result;
}

/**
 * After a resize that a silent VMM ended: makes what is plugged the target as soon as the VMM
 * answers again, so that nothing arrives behind the owner's back. Never rejects; ends with the
 * owner's interest or after VMM_LIMITS.resize_withdraw_ms.
 */
async function withdrawLater(
  port: ResizePort,
  { target_bytes, block_bytes, withdraws_unplug = false }: RegionResize,
  { clock, stop, isOurs }: ResizeOwner,
): Promise<void> {
  const limit = anyCall;
  const attempt = async (): Promise<true | null> => {
    if (stop.aborted || !isOurs()) return true;
    const seen = await look(port, false, limit);
    if (seen.type === 'unanswered') return null;
    if (seen.type !== 'observed' || !isOurs()) return true;
    const whole_bytes = roundUp(seen.plugged_bytes, block_bytes);
    const kept_bytes = withdraws_unplug ? whole_bytes : Math.min(target_bytes, whole_bytes);
    const action = { type: 'set-target', bytes: kept_bytes } as const;
    const answer = await perform(port, action, { clock, limit, signal: null });
    return answer.type === 'unanswered' ? null : true;
  };
  const deadline_ms = VMM_LIMITS.resize_withdraw_ms;
  const pace = { clock, signal: stop, deadline_ms, longest_pause_ms: 1_000 };
  await waitFor(attempt, pace).catch(() => undefined);
}
