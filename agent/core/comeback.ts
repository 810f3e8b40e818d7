/**
 * Functions that lost their last VM: when they get another, and who may wait for it. The first is
 * made at once; where VMs are lost one after the other, each comes later than the one before.
 */
import type { ComebackState, FunctionState, VmState } from '../model/state.ts';
import type { Draft } from './draft.ts';

type Known = Pick<FunctionState, 'comeback'>;

/**
 * What becomes of a function whose last VM ends now. One that ends with no failure, as the host is
 * drained, is none more that was lost.
 */
export function comebackAfter(
  draft: Draft,
  fn: Known,
  { ready_at_ms, failure }: Pick<VmState, 'ready_at_ms' | 'failure'>,
): ComebackState {
  const { config, now_ms } = draft;
  if (!failure) return { failures: fn.comeback?.failures ?? 0, due_at_ms: now_ms };
  const has_served = ready_at_ms !== null && now_ms - ready_at_ms >= config.come_back_calm_ms;
  if (!fn.comeback || has_served) return { failures: 0, due_at_ms: now_ms };
  return comebackLater(draft, fn);
}

/** The next try, after one more that came to nothing. */
export function comebackLater({ config, now_ms }: Draft, { comeback }: Known): ComebackState {
  const failures = (comeback?.failures ?? 0) + 1;
  const pause_ms = config.come_back_ms * 2 ** Math.min(failures - 1, 30);
  return { failures, due_at_ms: now_ms + Math.min(pause_ms, config.come_back_ms_max) };
}

/** Its last VM is on its way out, and another comes as soon as that is gone: who calls may wait. */
export function comesAtOnce({ now_ms }: Draft, fn: FunctionState): boolean {
  if (fn.phase !== 'ending' || fn.forget || fn.waiters.remove.length > 0) return false;
  if (fn.failure?.code === 'HP_AGENT_VM_UNDEAD') return false;
  return fn.comeback !== null && fn.comeback.due_at_ms <= now_ms;
}

/** When it is due; null: it is not lost, or waits for the end of a cordon. */
export function comebackWake({ cordon }: Draft, { phase, comeback }: FunctionState): number | null {
  return phase === 'lost' && !cordon && comeback ? comeback.due_at_ms : null;
}
