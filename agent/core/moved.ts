/** The end of a move of an instance's unused memory between its parts, see retier.ts. */
import type { VmState } from '../model/state.ts';
import { type Draft, editInstance } from './draft.ts';

/**
 * A part did not gain what it was to: the move is over, and what it has beyond its own goes back.
 */
export function endMove(draft: Draft, vm: VmState, instance_id: string | null): void {
  const found = vm.instances.find(({ id }) => id === instance_id);
  const { parts } = found ?? {};
  if (!found || !parts?.moved) return;
  const moved = { at_ms: draft.now_ms, to: null };
  editInstance(draft, vm, found).parts = { ...parts, moved };
}
