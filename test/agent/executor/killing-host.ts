/** A host on which agents are killed at a chosen step of their work, and followed by others. */
import type { ExecutionContext } from 'ava';
import { HostAgent } from '../../../agent/executor/host-agent.ts';
import type { HostAgentOptions } from '../../../agent/executor/host-options.ts';
import { FakeHypervisor, NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { StateFile, type StateStore } from '../../../agent/store/state-file.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { AgentLedger } from '../../../agent/ledger/agent-ledger.ts';
import type { Clock } from '../../../base/clock.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { emulated, type Work } from '../../../agent/model/work.ts';
import { RATED } from '../core/split.ts';
import { specOf, WORK } from '../core/world.ts';
import { earlierIn, QUIET_PARTS } from './next-agent.ts';

const LIMIT_BYTES = 4 * GIB;
const NODES = { node_limits: [{ node: 1, bytes: GIB }] } as const;
const HALVES = {
  limit_bytes: 256 * MIB,
  tiers: { far_node: 1, share: 0.5, table: null },
} as const;
/** Called often, more of it is wanted near than at first. */
const CHOSEN = {
  limit_bytes: 512 * MIB,
  keep_alive_ms: 3_000,
  tiers: {
    far_node: 1,
    share: null,
    table: RATED,
  },
} as const;
/** What an instance starts with is less than its call uses, and it is told when it waits. */
const SIZES = {
  baseline_bytes: 32 * MIB,
  increment_bytes: 32 * MIB,
  history: false,
  grow_wait_ms: 2_000,
  expression: null,
};
const GROWING: Work = {
  ...WORK,
  anonymous_bytes: 24 * MIB,
  wall_ms: 900,
  phases: [
    { at_ms: 40, anonymous_bytes: 56 * MIB },
    { at_ms: 80, anonymous_bytes: 100 * MIB },
    { at_ms: 160, anonymous_bytes: 8 * MIB },
  ],
};

/** Opened twice, the second time while the first memory of it goes back. */
const SPANNING: Work = {
  ...WORK,
  spans: [
    { span: 'data', at_ms: 20, bytes: 48 * MIB, touch_bytes: 48 * MIB, hold_ms: 60, times: 2 },
  ],
};

/** A host on which agents come and go; the one at work is killed at its step number `kill_at`. */
export class KillingHost {
  readonly clock = new FakeClock();
  readonly hypervisor: FakeHypervisor;
  readonly path: string;
  readonly kill_at: number;
  /** Memory of its function follows use: each call waits for growth twice, and gives back. */
  readonly grows: boolean;
  /** Each call opens spans. */
  spans = false;
  /** The memory of each instance is on two nodes. */
  split = false;
  /** And so that it changes with the rate of calls. */
  retiers = false;
  steps = 0;
  killed_in: string | null = null;
  agent!: HostAgent;
  store!: StateFile;
  /** Calls that were told that they are done. */
  readonly done: string[] = [];
  readonly ends: { id: string; invocation_id: string; end: string; answer: string }[] = [];
  /** Invocations that reached a guest. */
  invocations = 0;
  /** What each was told. */
  readonly told: string[] = [];
  #open = 0;
  #is_second = false;

  /** Where agents keep their ledger; null: they keep none. */
  readonly #ledger_dir: string | null;
  ledger: AgentLedger | null = null;

  constructor(path: string, kill_at: number, grows: boolean, ledger_dir: string | null = null) {
    this.path = path;
    this.grows = grows;
    this.kill_at = kill_at;
    this.#ledger_dir = ledger_dir;
    this.hypervisor = new FakeHypervisor(this.clock, {
      ...NO_FAULTS,
      launch: () => this.#step('launch', 'none' as const),
      resize: (kind) => this.#step(kind, 'none' as const),
      guest: (request) => {
        if (request === 'invoke') this.invocations += 1;
        return this.#step(`guest ${request}`, 'none' as const);
      },
    });
  }

  #step<T>(what: string, well: T): T {
    this.steps += 1;
    if (this.steps === this.kill_at) {
      this.killed_in = what;
      // Nothing of it is decided, written or asked for from here on.
      this.agent.failStop(new Error('killed'), what);
    }
    return well;
  }

  /** The store of the agent at work, which may be killed before and after each write. */
  #killing(store: StateFile): StateStore {
    const killed = (what: string): boolean => {
      this.#step(what, null);
      return this.killed_in === what && this.steps === this.kill_at;
    };
    return {
      rows: store.rows,
      generation: store.generation,
      write: (changes, log) => {
        if (killed('before a write')) throw new Error('killed');
        store.write(changes, log);
        if (killed('after a write')) throw new Error('killed');
      },
      tidy: () => store.tidy(),
      close: () => store.close(),
    };
  }

  async start(): Promise<void> {
    this.#is_second = this.killed_in !== null;
    this.#open = 0;
    const store = await StateFile.open(this.path);
    this.store = store;
    this.ledger = this.#openLedger();
    const bounds = this.split ? NODES : {};
    const before = { path: this.path, host_limit_bytes: LIMIT_BYTES, bounds };
    const parts: HostAgentOptions = {
      clock: this.clock,
      hypervisor: this.hypervisor,
      ...QUIET_PARTS,
      host_limit_bytes: LIMIT_BYTES,
      bounds,
      store: this.#killing(store),
      ...(this.grows ? { policy: HISTORY_POLICY } : {}),
      ...(this.ledger ? { ledger: this.ledger } : {}),
      ...earlierIn(store, this.hypervisor, before),
    };
    this.agent = new HostAgent(parts);
  }

  /** What waited to be written when its agent was killed is never written. */
  #openLedger(): AgentLedger | null {
    if (this.#ledger_dir === null) return null;
    const { clock } = this;
    const is_second = this.#is_second;
    const isDead = (): boolean => this.killed_in !== null && !is_second;
    const mortal: Clock = {
      nowMs: () => clock.nowMs(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
      timer: (ms, onTime) => clock.timer(ms, () => (isDead() ? undefined : onTime())),
    };
    return new AgentLedger({
      folder: this.#ledger_dir,
      host: 'h1',
      clock: mortal,
      wallMs: () => 1_800_000_000_000 + clock.nowMs(),
      when_full: 'stop-grants',
      segment_bytes: 16 * 1024,
      onFull: () => undefined,
    });
  }

  /** `key`: with which it may be asked again. */
  call(id: string, key: string | null = null): void {
    const work = this.grows ? GROWING : this.spans ? SPANNING : { ...WORK, wall_ms: 40 };
    this.#open += 1;
    const { agent } = this;
    const ended = (outcome: string): void => {
      if (agent === this.agent) this.#open -= 1;
      this.told.push(`${id} ${outcome}`);
      if (outcome === 'done') this.done.push(id);
    };
    agent.invoke('a', id, { ...emulated(work), idempotency_key: key }).then(
      ({ outcome, failure, invocation_id, answer }) => {
        const text = Buffer.from(answer?.bytes ?? []).toString();
        this.ends.push({ id, invocation_id, end: failure?.code ?? outcome, answer: text });
        ended(failure?.code ?? outcome);
      },
      (error: unknown) => ended(String(error)),
    );
  }

  /** Lets time pass until it is so, or the agent was killed; reading the host takes turns. */
  async until(is_so: () => boolean): Promise<void> {
    for (let count = 0; count < 500 && !is_so(); count += 1) {
      if (this.killed_in !== null && !this.#is_second) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
      await this.clock.advance(20);
    }
  }

  /** Whether it ends well, within a bound. */
  async endsWell(work: Promise<unknown>): Promise<boolean> {
    const ended = { well: false, ill: false };
    work.then(
      () => {
        ended.well = true;
      },
      () => {
        ended.ill = true;
      },
    );
    await this.until(() => ended.well || ended.ill);
    return ended.well;
  }

  deploy(): Promise<unknown> {
    const usual = { mechanism: 'hotmem', concurrency: 2, keep_alive_ms: 100 };
    const spans = this.spans ? [{ name: 'data', max_bytes: 64 * MIB, host_node: null }] : [];
    const memory = this.grows ? SIZES : null;
    const parts = this.retiers ? CHOSEN : this.split ? HALVES : {};
    return this.agent.deploy(specOf('a', { ...usual, memory, spans, ...parts }));
  }

  answers(): object[] {
    const entries = this.store.log(1_000).filter(({ kind }) => kind === 'answer');
    return entries.map(({ entry }) => entry);
  }

  isQuiet(): boolean {
    const { vms } = this.agent.dump();
    const busy = vms.some(({ phase, instances }) => phase !== 'running' || instances.length > 0);
    return this.#open === 0 && !busy && this.hypervisor.pluggedBytes() === 0;
  }

  /** Deploy, cold and warm calls, an idle end and a drain, as far as it comes. */
  async live(): Promise<void> {
    await this.endsWell(this.deploy());
    if (this.grows || this.spans) {
      this.call('c1');
      await this.until(() => this.#open === 0);
      return await this.until(() => this.isQuiet());
    }
    if (this.retiers) {
      for (const id of ['c1', 'c2', 'c3', 'c4', 'c5', 'c6']) {
        this.call(id);
        await this.until(() => this.#open === 0);
        // Between two of them it rests.
        await this.clock.advance(500);
      }
      return await this.until(() => this.isQuiet());
    }
    for (const id of ['c1', 'c2', 'c3']) this.call(id);
    await this.until(() => this.#open === 0);
    this.call('c4');
    await this.until(() => this.isQuiet());
    this.call('c5');
    await this.until(() => this.#open === 0);
    await this.endsWell(this.agent.drain('a'));
    await this.until(() => this.isQuiet());
  }

  /** VMs of the book are those that live, and what is plugged is granted. */
  check(t: ExecutionContext, when: string): void {
    const { vms } = this.agent.dump();
    const booked = vms.filter(({ phase }) => phase !== 'lost').map(({ id }) => id);
    const alive = this.hypervisor.alive().map(({ id }) => id);
    t.deepEqual(booked.toSorted(), alive.toSorted(), `${when}: VMs`);
    for (const vm of this.hypervisor.alive()) {
      const regions = vms.find(({ id }) => id === vm.id)?.regions ?? [];
      for (const { id, plugged_bytes } of vm.regions) {
        const permit_bytes = regions.find((one) => one.id === id)?.permit_bytes ?? 0;
        t.true(permit_bytes >= plugged_bytes, `${when}: ${vm.id}/${id} has no permit`);
      }
    }
  }
}
