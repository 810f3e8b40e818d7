/** A host of several functions on which agents, VMs and instances are killed, over and over. */
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import { emulated } from '../../../agent/model/work.ts';
import { StateFile } from '../../../agent/store/state-file.ts';
import { FakeHypervisor } from '../../../agent/testing/fake-hypervisor.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { specOf, WORK } from '../core/world.ts';
import { earlierIn, QUIET_PARTS } from './next-agent.ts';

export const FUNCTIONS = ['a', 'b', 'c'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

const LIMIT_BYTES = 16 * GIB;
const KEEP_ALIVE_MS = 300;
const CALL = emulated({ ...WORK, wall_ms: 60 });
/** Looks until a host must be quiet: longer than any of its deadlines. */
const LOOKS_MAX = 2_000;
const LOOK_MS = 250;

const ids = (all: readonly { readonly id: string }[]): string[] =>
  all.map(({ id }) => id).toSorted();

export class SoakHost {
  readonly clock = new FakeClock();
  readonly hypervisor = new FakeHypervisor(this.clock);
  readonly #path: string;
  agent!: HostAgent;
  #store!: StateFile;
  agents = 0;
  asked = 0;
  answered = 0;
  done = 0;

  /** `path`: of the state, which each agent takes over from the one before. */
  constructor(path: string) {
    this.#path = path;
  }

  async start(): Promise<void> {
    const store = await StateFile.open(this.#path);
    const before = { path: this.#path, host_limit_bytes: LIMIT_BYTES };
    this.agents += 1;
    this.#store = store;
    this.agent = new HostAgent({
      clock: this.clock,
      hypervisor: this.hypervisor,
      ...QUIET_PARTS,
      host_limit_bytes: LIMIT_BYTES,
      store,
      ...earlierIn(store, this.hypervisor, before),
    });
  }

  /** Nothing more is decided or written; what runs goes on, and the next agent takes it up. */
  async kill(): Promise<void> {
    this.agent.failStop(new Error('killed'), 'soak');
    await this.clock.until(this.agent.release());
    this.#store.close();
    await this.start();
  }

  /** A function that lost its last VM is deployed again. */
  async deploy(name: FunctionName): Promise<void> {
    const size = { concurrency: 3, max_vms: 2, limit_bytes: 128 * MIB, boot_bytes: 128 * MIB };
    const spec = specOf(name, { mechanism: 'hotmem', keep_alive_ms: KEEP_ALIVE_MS, ...size });
    await this.clock.until(this.agent.deploy(spec));
  }

  call(name: FunctionName): void {
    this.asked += 1;
    const ended = (): void => void (this.answered += 1);
    this.agent.invoke(name, `c${this.asked}`, CALL).then(({ outcome }) => {
      if (outcome === 'done') this.done += 1;
      ended();
    }, ended);
  }

  /** Lets time pass until nothing is under way and all that was asked is answered. */
  async quiet(): Promise<void> {
    for (let looks = 0; looks < LOOKS_MAX; looks += 1) {
      if (this.answered === this.asked && this.#isQuiet()) return;
      await this.clock.advance(LOOK_MS);
    }
    throw new Error(`never quiet: ${JSON.stringify(this.agent.dump())}`);
  }

  #isQuiet(): boolean {
    const { vms, operations } = this.agent.state;
    if (operations.size > 0) return false;
    return [...vms.values()].every(({ phase, instances, regions }) => {
      const empty = regions.every(({ permit_bytes }) => permit_bytes === 0);
      return phase === 'lost' || (phase === 'running' && instances.length === 0 && empty);
    });
  }

  /** What the book, the VMMs and the guests say does not add up; empty: it does. */
  troubles(): string[] {
    const found: string[] = [];
    const { vms, granted } = this.agent.state;
    const booked = [...vms.values()].filter(({ phase }) => phase !== 'lost');
    const alive = this.hypervisor.alive();
    if (ids(booked).join() !== ids(alive).join()) {
      found.push(`the book has VMs ${ids(booked).join()}, the host ${ids(alive).join()}`);
    }
    const boot_bytes = booked.reduce((sum, { boot_permit }) => sum + boot_permit.host, 0);
    if (granted.host !== boot_bytes) found.push(`${granted.host} granted, ${boot_bytes} of boots`);
    for (const vm of alive) {
      const plugged = vm.regions.filter(({ plugged_bytes }) => plugged_bytes > 0);
      if (plugged.length > 0) found.push(`${vm.id}: ${plugged.length} regions are plugged`);
      if (vm.guest.instances.size > 0) found.push(`${vm.id}: its guest has instances`);
    }
    // What is gone is nobody's any more: the model would keep it for ever.
    this.hypervisor.vms.splice(0, Infinity, ...alive);
    return found;
  }

  async end(): Promise<void> {
    await this.clock.until(this.agent.stop(1_000));
    this.#store.close();
  }
}
