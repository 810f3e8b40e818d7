/** Which VM's regions changed their size most while they were in use, and when. Pure. */
import type { OperationLine } from '../results/schema.ts';

/** From the first start to the last end around changes of one VM's regions. */
export interface ChangedVm {
  readonly vm_id: string;
  readonly function: string;
  readonly growths: number;
  readonly shrinks: number;
  /** Of the first change and of the last. */
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Kept of each VM, whose number is bounded by the host. */
export class SizeTally {
  readonly #vms = new Map<string, ChangedVm>();

  add(line: OperationLine): void {
    const { cause, outcome, vm_id, decided_at_ms } = line;
    const is_growth = cause === 'grow';
    if (outcome !== 'done' || decided_at_ms === null) return;
    if (!is_growth && cause !== 'shrink') return;
    const none = { growths: 0, shrinks: 0, from_ms: decided_at_ms, to_ms: decided_at_ms };
    const known = this.#vms.get(vm_id) ?? { vm_id, function: line.function, ...none };
    this.#vms.set(vm_id, {
      ...known,
      growths: known.growths + (is_growth ? 1 : 0),
      shrinks: known.shrinks + (is_growth ? 0 : 1),
      from_ms: Math.min(known.from_ms, decided_at_ms),
      to_ms: Math.max(known.to_ms, decided_at_ms),
    });
  }

  /** The one with the most changes, the first of several; null: no size ever changed in use. */
  get most(): ChangedVm | null {
    let found: ChangedVm | null = null;
    for (const one of this.#vms.values()) {
      if (!found || one.growths + one.shrinks > found.growths + found.shrinks) found = one;
    }
    return found;
  }
}
