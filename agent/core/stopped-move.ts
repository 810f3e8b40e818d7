/** An instance that ends gains nothing any more, and has nothing left to cede. */
import { isWaiting } from '../model/operation-queue.ts';
import { partsAt } from '../model/parts.ts';
import type { InstanceState, VmState } from '../model/state.ts';
import { type Draft, readFunction, readOperation } from './draft.ts';
import { dropWaiting } from './queue.ts';

/** Drops what waits for its turn; what was sent ends by itself, and its memory with the rest. */
export function dropWaitingMove(draft: Draft, vm: VmState, { parts, ...at }: InstanceState): void {
  const fn = readFunction(draft, vm.function);
  if (!parts?.moved || !fn) return;
  for (const { operation_id } of partsAt(vm.regions, at.region_index)) {
    const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
    if (!operation || !isWaiting(operation)) continue;
    if (operation.cause !== 'gain' && operation.cause !== 'cede') continue;
    dropWaiting(draft, { operation, fn, vm }, 'its instance ends');
  }
}
