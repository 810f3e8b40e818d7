/** What VMM and host say of a real VM, times how long: asked beside the agent that runs it. */
import { hostClock } from '../../../base/clock.ts';
import type { Hypervisor, Vm } from '../../../hypervisor-client/vm.ts';
import { PER_GIB_S } from '../../../ledger/span.ts';

/** Between two looks. */
const LOOK_MS = 20;

/** A sum over looks, and how far the truth may be from it. */
export interface ObservedSum {
  gib_s: number;
  error_gib_s: number;
}

interface Look {
  /** Asked for, and answered: what was told was so at some moment between. */
  readonly asked_ms: number;
  readonly answered_ms: number;
  readonly plugged: number;
  readonly resident: number;
}

export class Observed {
  readonly plugged: ObservedSum = { gib_s: 0, error_gib_s: 0 };
  readonly resident: ObservedSum = { gib_s: 0, error_gib_s: 0 };
  looks = 0;
  /** From the question of one look to the answer of the next, at worst. */
  longest_ms = 0;
  readonly #hypervisor: Hypervisor;
  #vm: Vm | null = null;
  #is_over = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(hypervisor: Hypervisor) {
    this.#hypervisor = hypervisor;
  }

  /** The same driver; the VM that it launches last is the one that is looked at. */
  get hypervisor(): Hypervisor {
    const own = this.#hypervisor;
    return {
      kind: own.kind,
      probe: () => own.probe(),
      adopt: (handle) => own.adopt(handle),
      runs: (process) => own.runs(process),
      launch: async (...about) => (this.#vm = await own.launch(...about)),
    };
  }

  /** Looks from now on, until `end`. */
  begin(): void {
    this.#looking = this.#lookOn();
    // Told by `end`.
    this.#looking.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.#is_over = true;
    await this.#looking;
  }

  async #lookOn(): Promise<void> {
    const vm = this.#vm;
    if (!vm) throw new Error('no VM was launched');
    let before = await lookAt(vm);
    while (!this.#is_over) {
      await hostClock.sleep(LOOK_MS);
      const now = await lookAt(vm);
      add(this.plugged, before, now, before.plugged, now.plugged);
      add(this.resident, before, now, before.resident, now.resident);
      this.looks += 1;
      this.longest_ms = Math.max(this.longest_ms, now.answered_ms - before.asked_ms);
      before = now;
    }
  }
}

async function lookAt(vm: Vm): Promise<Look> {
  const asked_ms = hostClock.nowMs();
  const { regions } = await vm.observe();
  const plugged = regions.reduce((sum, { plugged_bytes }) => sum + plugged_bytes, 0);
  const resident = vm.residentBytes();
  return { asked_ms, answered_ms: hostClock.nowMs(), plugged, resident };
}

/** What stood at a look is taken for what stood until the next; it may have changed at any time. */
function add(sum: ObservedSum, before: Look, now: Look, was: number, is: number): void {
  sum.gib_s += (was * (now.asked_ms - before.asked_ms)) / PER_GIB_S;
  sum.error_gib_s += (Math.abs(is - was) * (now.answered_ms - before.asked_ms)) / PER_GIB_S;
}
