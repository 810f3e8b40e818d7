/** An instance that ends gains nothing any more, and has nothing left to cede. */
import { isWaiting } from '../model/operation-queue.ts';
import { partsAt } from '../model/parts.ts';
import type { InstanceState, VmState } from '../model/state.ts';
import { recordQueue } from './ask.ts';
import { type Draft, editRegion, readFunction, readOperation } from './draft.ts';
import { shrinkPermit } from './permits.ts';
import { dropOperation } from './queue.ts';

/** Drops what waits for its turn; what was sent ends by itself, and its memory with the rest. */
export function dropWaitingMove(draft: Draft, vm: VmState, { parts, ...at }: InstanceState): void {
  if (!parts?.moved) return;
  for (const { index, operation_id } of partsAt(vm.regions, at.region_index)) {
    const operation = operation_id === null ? undefined : readOperation(draft, operation_id);
    if (!operation || !isWaiting(operation)) continue;
    if (operation.cause !== 'gain' && operation.cause !== 'cede') continue;
    const region = editRegion(draft, vm, index);
    dropOperation(draft, operation.id);
    region.operation_id = null;
    if (operation.cause === 'gain') shrinkPermit(draft, region);
    const fn = readFunction(draft, vm.function);
    if (fn) recordQueue(draft, fn, operation, { answer: 'end', because: 'its instance ends' });
  }
}
