/**
 * What guests have told of the pages that they clear, summed by function since this agent began:
 * each tells what it has counted since its boot, when it is asked for something else, or once in
 * AGENT_LIMITS.guest_pages_ms. What nobody has told is not there.
 */
import { AGENT_LIMITS } from '../limits.ts';
import type { GuestPages } from '../model/pool-messages.ts';

/** Of one function. */
export interface PagesTold {
  /** Of its VMs that are gone, what they told last is in it. */
  readonly pages: GuestPages;
  /** When the VM told that has told nothing for longest; null: none of them is there now. */
  readonly told_at_ms: number | null;
}

interface FunctionPages {
  sum: GuestPages;
  readonly vms: Map<string, { readonly pages: GuestPages; readonly told_at_ms: number }>;
}

const NONE: GuestPages = { cleared: 0, skipped: 0, prepared: 0, cleared_twice: 0 };

export class PageBook {
  readonly #functions = new Map<string, FunctionPages>();

  /** The first word of a VM is where its counting begins: an earlier agent may have had it. */
  tell(name: string, vm_id: string, pages: GuestPages, told_at_ms: number): void {
    const book = this.#functions.get(name) ?? this.#open(name);
    const before = book.vms.get(vm_id)?.pages ?? pages;
    book.vms.set(vm_id, { pages, told_at_ms });
    book.sum = added(book.sum, before, pages);
  }

  /** The VM is gone. */
  forget(name: string, vm_id: string): void {
    this.#functions.get(name)?.vms.delete(vm_id);
  }

  /** Null: no VM of it has told anything yet. */
  of(name: string): PagesTold | null {
    const book = this.#functions.get(name);
    if (!book) return null;
    let told_at_ms: number | null = null;
    for (const vm of book.vms.values()) {
      told_at_ms = Math.min(told_at_ms ?? vm.told_at_ms, vm.told_at_ms);
    }
    return { pages: book.sum, told_at_ms };
  }

  /** Of functions without a VM, which may not be there any more, the oldest makes room. */
  #open(name: string): FunctionPages {
    const opened: FunctionPages = { sum: NONE, vms: new Map() };
    if (this.#functions.size >= AGENT_LIMITS.page_sums) {
      const idle = [...this.#functions].find(([, { vms }]) => vms.size === 0);
      if (idle) this.#functions.delete(idle[0]);
    }
    this.#functions.set(name, opened);
    return opened;
  }
}

/** A guest's word may go down, or anywhere: a sum does not. */
function added(sum: GuestPages, before: GuestPages, now: GuestPages): GuestPages {
  const grown = (key: keyof GuestPages): number =>
    Math.min(Number.MAX_SAFE_INTEGER, sum[key] + Math.max(0, now[key] - before[key]));
  return {
    cleared: grown('cleared'),
    skipped: grown('skipped'),
    prepared: grown('prepared'),
    cleared_twice: grown('cleared_twice'),
  };
}
