/**
 * One resize of one region, as a pure state machine: it is told what happened and when, and answers
 * with the next thing to do. Drivers perform the actions (resize-runner.ts); tests need no VM.
 *
 * What it knows of every VMM: "accepted" is not success; a guest that could not move everything
 * sleeps 50 s or more unless it is nudged (drivers/virtio/virtio_mem.c, retry timer); and an
 * unplug counts only when the host's resident bytes fell too.
 *
 * Where a deadline leaves the target:
 *  - plug: it is withdrawn to what is plugged, so that nothing arrives behind the owner's back. The
 *    VMM refuses guest requests above the target, so the last look after it is an upper bound.
 *  - unplug: it stays. The guest may give back more later, never less, so `plugged_bytes` of the
 *    result is an upper bound as well, and asking again carries on from there. Unless the device
 * has
 *    other regions: as long as it is told less than it has, the guest gives back whichever of them
 * is
 *    idle next and lets nobody attach to any, so the target goes back to what is plugged.
 *
 * `plugged_bytes` of a failed resize is an upper bound too: nothing when the VM is gone, else the
 * larger of target and last look, for the guest may go on.
 */
import { unreachable } from '../../base/assert.ts';
import { VMM_LIMITS } from '../limits.ts';
import type { VmmErrorCode } from '../errors.ts';
import type { Outcome, ResizeResult } from '../vm.ts';

export interface ResizeInput {
  readonly region_id: string;
  readonly target_bytes: number;
  readonly before_bytes: number;
  readonly resident_before_bytes: number | null;
  /** Step of plugging; a withdrawn target is a multiple of it. */
  readonly block_bytes: number;
  readonly requested_at_ms: number;
  /** A duration from `requested_at_ms`. */
  readonly deadline_ms: number;
  readonly nudge_interval_ms?: number;
  readonly nudges_max?: number;
  /** Whether an unplug that does not get there is taken back. Default: its target stays. */
  readonly withdraws_unplug?: boolean;
  /** Whether a plug is over when the VMM has it, without a look at the host. */
  readonly hurries?: boolean;
}

/** What happened since the last action. */
export type ResizeEvent =
  | { readonly type: 'accepted' }
  /** The VMM answered the target with an error. */
  | { readonly type: 'rejected'; readonly code: VmmErrorCode; readonly reason: string }
  | {
      readonly type: 'observed';
      readonly plugged_bytes: number;
      /** Null when the look did not include it. */
      readonly resident_bytes: number | null;
    }
  /** No answer in time: the VMM may answer again, so it is asked again until the deadline. */
  | { readonly type: 'unanswered'; readonly error_code: string; readonly reason: string }
  /**
   * What was plugged became the target while other regions moved, for so long; the turn came again,
   * or the deadline did.
   */
  | { readonly type: 'passed'; readonly waited_ms: number; readonly came: boolean }
  /** The VM or the way to it broke; nothing more can be learned. */
  | { readonly type: 'broken'; readonly error_code: string; readonly reason: string }
  | { readonly type: 'aborted' }
  /** Somebody waits for what it takes, and asks for another size as soon as it is over. */
  | { readonly type: 'cut' };

export type ResizeAction =
  /** Make this the target; answer with `accepted`, `rejected` or `broken`. */
  | { readonly type: 'set-target'; readonly bytes: number }
  /** Wake the guest up for a target it already has; answer as for `set-target`. */
  | { readonly type: 'nudge'; readonly bytes: number }
  /** Pause, then observe. */
  | { readonly type: 'look'; readonly pause_ms: number; readonly resident: boolean }
  | { readonly type: 'finish'; readonly result: ResizeResult };

type Phase = 'asking' | 'moving' | 'settling' | 'withdrawing' | 'closing';

interface Trouble {
  readonly code: VmmErrorCode;
  readonly reason: string;
}

export interface ResizeState {
  readonly input: ResizeInput;
  readonly phase: Phase;
  readonly plugged_bytes: number;
  readonly resident_bytes: number | null;
  readonly accepted_at_ms: number | null;
  readonly plugged_at_ms: number | null;
  readonly resident_at_ms: number | null;
  readonly waited_ms: number;
  readonly nudges: number;
  /** Last progress, or last nudge; a stall is counted from here. */
  readonly moved_at_ms: number;
  readonly trouble: Trouble | null;
  /** The target that an operation in trouble went back to; null: it did not. */
  readonly withdrawn_bytes: number | null;
}

export interface ResizeStep {
  readonly state: ResizeState;
  readonly action: ResizeAction;
}

/** The first step: set the target. */
export function startResize(input: ResizeInput): ResizeStep {
  return {
    state: {
      input,
      phase: 'asking',
      plugged_bytes: input.before_bytes,
      resident_bytes: input.resident_before_bytes,
      accepted_at_ms: null,
      plugged_at_ms: null,
      resident_at_ms: null,
      waited_ms: 0,
      nudges: 0,
      moved_at_ms: input.requested_at_ms,
      trouble: null,
      withdrawn_bytes: null,
    },
    action: { type: 'set-target', bytes: input.target_bytes },
  };
}

/** The next step after `event` at `now_ms`. Not to be called after `finish`. */
export function stepResize(state: ResizeState, event: ResizeEvent, now_ms: number): ResizeStep {
  switch (event.type) {
    case 'broken':
      return finish(afterBreak(state, event.error_code), 'failed', event.error_code, event.reason);
    case 'unanswered':
      return afterSilence(state, event, now_ms);
    case 'rejected':
      return afterRejection(state, event);
    case 'accepted':
      return afterAcceptance(state, now_ms);
    case 'aborted':
      return giveUp(state, { code: 'HP_VMM_ABORTED', reason: 'The caller aborted the resize.' });
    case 'cut':
      return afterCut(state);
    case 'passed':
      return afterTurn(state, event, now_ms);
    case 'observed':
      return afterLook(state, event, now_ms);
    default:
      return unreachable(event);
  }
}

/**
 * Whether other regions may move first: while memory moves, the target can be set to what is
 * plugged and again to what is wanted, and nothing is lost.
 */
export const mayPass = ({ phase }: ResizeState): boolean => phase === 'moving';

const isPlug = ({ input }: ResizeState): boolean => input.target_bytes > input.before_bytes;

function afterAcceptance(state: ResizeState, now_ms: number): ResizeStep {
  if (state.phase === 'withdrawing') return look({ ...state, phase: 'closing' }, 0, true);
  const first = state.phase === 'asking';
  const next: ResizeState = {
    ...state,
    phase: first ? 'moving' : state.phase,
    accepted_at_ms: state.accepted_at_ms ?? now_ms,
    moved_at_ms: now_ms,
  };
  return look(next, first ? 0 : pauseMs(next, now_ms), false);
}

function afterSilence(
  state: ResizeState,
  { error_code, reason }: { readonly error_code: string; readonly reason: string },
  now_ms: number,
): ResizeStep {
  if (isLate(state, now_ms) || state.trouble !== null) {
    return finish(afterBreak(state, error_code), 'failed', error_code, reason);
  }
  if (state.phase !== 'asking') return look(state, pauseMs(state, now_ms), false);
  return { state, action: { type: 'set-target', bytes: state.input.target_bytes } };
}

/** As far as it was seen: the guest may have given back more meanwhile, never less. */
function afterCut(state: ResizeState): ResizeStep {
  const moved = state.plugged_bytes !== state.input.before_bytes;
  const reason = 'Somebody waits for what it takes.';
  const unseen = { ...state, resident_bytes: null };
  return finish(unseen, moved ? 'partial' : 'refused', 'HP_VMM_ABORTED', reason);
}

function afterTurn(
  before: ResizeState,
  { waited_ms, came }: { readonly waited_ms: number; readonly came: boolean },
  now_ms: number,
): ResizeStep {
  const state = { ...before, waited_ms: before.waited_ms + waited_ms, moved_at_ms: now_ms };
  if (came) return { state, action: { type: 'set-target', bytes: state.input.target_bytes } };
  const reason = `Other regions were being resized for the last ${Math.round(waited_ms)} ms.`;
  const trouble: Trouble = { code: 'HP_VMM_BUSY', reason };
  return look({ ...state, phase: 'closing', trouble });
}

function afterBreak(state: ResizeState, error_code: string): ResizeState {
  if (error_code === 'HP_VMM_GONE') return { ...state, plugged_bytes: 0, resident_bytes: 0 };
  return { ...state, plugged_bytes: Math.max(state.plugged_bytes, state.input.target_bytes) };
}

function afterRejection(state: ResizeState, { code, reason }: Trouble): ResizeStep {
  if (state.phase === 'asking') return finish(state, 'refused', code, reason);
  const said = `The VMM took the target, then refused to take it again: ${reason}`;
  const trouble = state.trouble ?? { code, reason: said };
  return look({ ...state, phase: 'closing', trouble });
}

function afterLook(
  before: ResizeState,
  seen: Extract<ResizeEvent, { type: 'observed' }>,
  now_ms: number,
): ResizeStep {
  const moved = seen.plugged_bytes !== before.plugged_bytes;
  const state: ResizeState = {
    ...before,
    plugged_bytes: seen.plugged_bytes,
    resident_bytes: seen.resident_bytes ?? before.resident_bytes,
    moved_at_ms: moved ? now_ms : before.moved_at_ms,
  };
  if (state.plugged_bytes === state.input.target_bytes && state.phase !== 'closing') {
    return afterArrival(state, seen.resident_bytes, now_ms);
  }
  switch (state.phase) {
    case 'closing':
      return close(state, seen.resident_bytes, now_ms);
    case 'settling':
      // The guest plugged memory again while the host was being watched: keep on waiting.
      return keepWaiting({ ...state, phase: 'moving', plugged_at_ms: null }, now_ms);
    case 'asking':
    case 'moving':
    case 'withdrawing':
      return keepWaiting(state, now_ms);
    default:
      return unreachable(state.phase);
  }
}

/** Plugged equals the target. A plug is done; an unplug must be seen by the host too. */
function afterArrival(
  before: ResizeState,
  resident_bytes: number | null,
  now_ms: number,
): ResizeStep {
  const plugged_at_ms = before.plugged_at_ms ?? now_ms;
  const state: ResizeState = { ...before, phase: 'settling', plugged_at_ms };
  const over = isPlug(state) && (resident_bytes !== null || state.input.hurries === true);
  if (over) return finish(state, 'done', null, null);
  if (resident_bytes === null) return look(state, 0, true);
  if (resident_bytes <= state.plugged_bytes) {
    return finish({ ...state, resident_at_ms: now_ms }, 'done', null, null);
  }
  if (!isLate(state, now_ms)) return look(state, pauseMs(state, now_ms), true);
  return finish(
    state,
    state.plugged_bytes === state.input.before_bytes ? 'refused' : 'partial',
    'HP_VMM_HOST_KEPT',
    'The guest gave the memory back, but the host still holds more than is plugged.',
  );
}

function keepWaiting(state: ResizeState, now_ms: number): ResizeStep {
  const { input } = state;
  if (isLate(state, now_ms)) {
    const waited_ms = Math.round(now_ms - input.requested_at_ms);
    const reason = `The guest did not reach the target within ${waited_ms} ms.`;
    return giveUp(state, { code: 'HP_VMM_STALLED', reason });
  }
  const stalled_ms = now_ms - state.moved_at_ms;
  const nudges_max = input.nudges_max ?? VMM_LIMITS.nudges_per_operation;
  const interval_ms = nudgeIntervalMs(state);
  if (stalled_ms >= interval_ms && state.nudges < nudges_max) {
    return {
      state: { ...state, nudges: state.nudges + 1, moved_at_ms: now_ms },
      action: { type: 'nudge', bytes: input.target_bytes },
    };
  }
  return look(state, pauseMs(state, now_ms), false);
}

/**
 * Doubles from nudge to nudge, up to a bound: a nudge makes a guest that is still at work roll back
 * the block it is at (virtio_mem.c, `config_changed`), so a slow one must be given time.
 */
function nudgeIntervalMs({ input, nudges }: ResizeState): number {
  const first_ms = input.nudge_interval_ms ?? VMM_LIMITS.nudge_interval_ms;
  return first_ms * Math.min(2 ** nudges, VMM_LIMITS.nudge_interval_growth_max);
}

function giveUp(before: ResizeState, trouble: Trouble): ResizeStep {
  const state: ResizeState = { ...before, trouble };
  const asked = state.phase === 'moving' || state.phase === 'settling';
  const { block_bytes, target_bytes, withdraws_unplug = false } = state.input;
  if (!asked || !(isPlug(state) || withdraws_unplug)) return look({ ...state, phase: 'closing' });
  const whole_bytes = Math.ceil(state.plugged_bytes / block_bytes) * block_bytes;
  const kept_bytes = isPlug(state) ? Math.min(whole_bytes, target_bytes) : whole_bytes;
  return {
    state: { ...state, phase: 'withdrawing', withdrawn_bytes: kept_bytes },
    action: { type: 'set-target', bytes: kept_bytes },
  };
}

/** The last look was made: judge what moved. */
function close(seen: ResizeState, resident_bytes: number | null, now_ms: number): ResizeStep {
  if (resident_bytes === null) return look(seen);
  const { withdrawn_bytes } = seen;
  // What arrives after its target was withdrawn will not stay.
  const state =
    isPlug(seen) || withdrawn_bytes === null
      ? seen
      : { ...seen, plugged_bytes: Math.max(seen.plugged_bytes, withdrawn_bytes) };
  const arrived = !isPlug(state) && state.plugged_bytes === state.input.target_bytes;
  if (arrived && resident_bytes <= state.plugged_bytes) {
    return afterArrival(state, resident_bytes, now_ms);
  }
  const moved = state.plugged_bytes !== state.input.before_bytes;
  const { code, reason } = state.trouble ?? {
    code: 'HP_VMM_STALLED',
    reason: 'The guest did not reach the target.',
  };
  return finish(state, moved ? 'partial' : 'refused', code, reason);
}

const isLate = ({ input }: ResizeState, now_ms: number): boolean =>
  now_ms >= input.requested_at_ms + input.deadline_ms;

/**
 * A twentieth of the time it moves so far: precise to 5 % of what is measured, and cheap to wait.
 */
function pauseMs({ input, waited_ms }: ResizeState, now_ms: number): number {
  const moves_ms = now_ms - input.requested_at_ms - waited_ms;
  const pause_ms = Math.min(VMM_LIMITS.resize_pause_ms_max, Math.max(0.25, moves_ms / 20));
  const left_ms = input.requested_at_ms + input.deadline_ms - now_ms;
  return Math.max(0, Math.min(pause_ms, left_ms));
}

function look(state: ResizeState, pause_ms = 0, resident = true): ResizeStep {
  return { state, action: { type: 'look', pause_ms, resident } };
}

function finish(
  state: ResizeState,
  outcome: Outcome,
  error_code: string | null,
  reason: string | null,
): ResizeStep {
  const { input } = state;
  const result: ResizeResult = {
    region_id: input.region_id,
    outcome,
    before_bytes: input.before_bytes,
    requested_bytes: input.target_bytes,
    plugged_bytes: state.plugged_bytes,
    resident_before_bytes: input.resident_before_bytes,
    resident_bytes: state.resident_bytes,
    requested_at_ms: input.requested_at_ms,
    waited_ms: state.waited_ms,
    accepted_at_ms: state.accepted_at_ms,
    plugged_at_ms: state.plugged_at_ms,
    resident_at_ms: state.resident_at_ms,
    nudges: state.nudges,
    error_code,
    reason,
  };
  return { state, action: { type: 'finish', result } };
}
