/** The last known memory of every VM, for the progress line only. */
import type { MemoryMessage } from './agent-api.ts';

export class MemoryView {
  readonly #by_vm = new Map<string, MemoryMessage>();

  add(message: MemoryMessage): void {
    this.#by_vm.set(message.vm_id, message);
  }

  sum(field: 'plugged_bytes' | 'resident_bytes' | 'committed_bytes'): number {
    return [...this.#by_vm.values()].reduce((total, message) => total + message[field], 0);
  }
}
