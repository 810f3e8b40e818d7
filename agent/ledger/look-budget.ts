/**
 * How often the host may be asked about a VM: a few times one after the other, so that a look falls
 * before and after each change of a VM that seldom changes, and no more than so often in the long
 * run, however fast it changes.
 */
import { AGENT_LIMITS } from '../limits.ts';

interface Left {
  looks: number;
  at_ms: number;
}

export class LookBudget {
  readonly #left = new Map<string, Left>();

  /** Whether one more look is allowed now, which is taken then. */
  take(vm_id: string, now_ms: number): boolean {
    const most = AGENT_LIMITS.ledger_resident_looks;
    const known = this.#left.get(vm_id) ?? { looks: most, at_ms: now_ms };
    this.#left.set(vm_id, known);
    const more = (now_ms - known.at_ms) / AGENT_LIMITS.ledger_resident_apart_ms;
    known.looks = Math.min(most, known.looks + more);
    known.at_ms = now_ms;
    if (known.looks < 1) return false;
    known.looks -= 1;
    return true;
  }

  /** Of those that are gone nothing is kept for long. */
  clear(): void {
    this.#left.clear();
  }
}
