/** The last known memory of every VM, for the progress line only. */
import type { MemoryStep } from './agent-api.ts';

export class MemoryView {
  readonly #by_vm = new Map<string, MemoryStep>();

  add(message: MemoryStep): void {
    this.#by_vm.set(message.vm_id, message);
  }

  sum(field: 'plugged_bytes' | 'resident_bytes' | 'committed_bytes'): number {
    return [...this.#by_vm.values()].reduce((total, message) => total + message[field], 0);
  }
}
