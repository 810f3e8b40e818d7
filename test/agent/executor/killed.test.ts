/**
 * An agent killed at every step of its work, one step a run: each row that it writes, before and
 * after, and each request that reaches a VMM or a guest. The next agent goes on with what is there.
 */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { earlierState } from '../../../agent/adopt/earlier.ts';
import { HostAgent, type HostAgentOptions } from '../../../agent/executor/host-agent.ts';
import { FakeHypervisor, NO_FAULTS } from '../../../agent/testing/fake-hypervisor.ts';
import { StateFile, type StateStore } from '../../../agent/store/state-file.ts';
import { TABLES } from '../../../agent/store/rows.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FAKE_IMAGES } from '../../fakes/host.ts';
import { emulated, type Work } from '../../../agent/model/work.ts';
import { specOf, WORK } from '../core/world.ts';

const LIMIT_BYTES = 4 * GIB;
/** What an instance starts with is less than its call uses, and it is told when it waits. */
const SIZES = {
  baseline_bytes: 32 * MIB,
  increment_bytes: 32 * MIB,
  history: false,
  grow_wait_ms: 2_000,
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

/** A host on which agents come and go; the one at work is killed at its step number `kill_at`. */
class KillingHost {
  readonly clock = new FakeClock();
  readonly hypervisor: FakeHypervisor;
  readonly path: string;
  readonly kill_at: number;
  /** Memory of its function follows use: each call waits for growth twice, and gives back. */
  readonly grows: boolean;
  steps = 0;
  killed_in: string | null = null;
  agent!: HostAgent;
  store!: StateFile;
  /** Calls that were told that they are done. */
  readonly done: string[] = [];
  /** What each was told. */
  readonly told: string[] = [];
  #open = 0;
  #is_second = false;

  constructor(path: string, kill_at: number, grows: boolean) {
    this.path = path;
    this.grows = grows;
    this.kill_at = kill_at;
    this.hypervisor = new FakeHypervisor(this.clock, {
      ...NO_FAULTS,
      launch: () => this.#step('launch', 'none' as const),
      resize: (kind) => this.#step(kind, 'none' as const),
      guest: (request) => this.#step(`guest ${request}`, 'none' as const),
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
      close: () => store.close(),
    };
  }

  async start(): Promise<void> {
    this.#is_second = this.killed_in !== null;
    this.#open = 0;
    const store = await StateFile.open(this.path);
    this.store = store;
    const options = { path: this.path, host_limit_bytes: LIMIT_BYTES, facts: {}, first_id: 1 };
    const state = earlierState(store, options);
    const alive = this.hypervisor.alive();
    const vms = new Map(
      alive.map((vm) => {
        const takeUp = async () => await Promise.resolve(vm);
        return [vm.id, { takeUp, end: () => vm.shutdown() }];
      }),
    );
    const parts: HostAgentOptions = {
      clock: this.clock,
      hypervisor: this.hypervisor,
      images: FAKE_IMAGES,
      log: pino({ level: 'silent' }),
      host_limit_bytes: LIMIT_BYTES,
      vms_dir: '/nonexistent/vms',
      version: 'test',
      store: this.#killing(store),
      ...(this.grows ? { policy: HISTORY_POLICY } : {}),
      ...(state ? { earlier: { state, vms } } : {}),
    };
    this.agent = new HostAgent(parts);
  }

  call(id: string): void {
    const work = this.grows ? GROWING : { ...WORK, wall_ms: 40 };
    this.#open += 1;
    const { agent } = this;
    const ended = (outcome: string): void => {
      if (agent === this.agent) this.#open -= 1;
      this.told.push(`${id} ${outcome}`);
      if (outcome === 'done') this.done.push(id);
    };
    agent.invoke('a', id, emulated(work)).then(
      ({ outcome, failure }) => ended(failure?.code ?? outcome),
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
  async ends(work: Promise<unknown>): Promise<boolean> {
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
    return this.agent.deploy(specOf('a', this.grows ? { ...usual, memory: SIZES } : usual));
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
    await this.ends(this.deploy());
    if (this.grows) {
      this.call('c1');
      await this.until(() => this.#open === 0);
      return await this.until(() => this.isQuiet());
    }
    for (const id of ['c1', 'c2', 'c3']) this.call(id);
    await this.until(() => this.#open === 0);
    this.call('c4');
    await this.until(() => this.isQuiet());
    this.call('c5');
    await this.until(() => this.#open === 0);
    await this.ends(this.agent.drain('a'));
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

/** Where a kill left a running invocation whose answer the next agent got. */
const resumed = new Set<string | null>();

async function killAt(
  t: ExecutionContext,
  folder: string,
  { at, grows }: { readonly at: number; readonly grows: boolean },
): Promise<string | null> {
  const host = new KillingHost(join(folder, `${at}.db`), at, grows);
  await host.start();
  await host.live();
  const when = `step ${at}, ${host.killed_in}`;
  if (host.killed_in === null) return null;
  host.store.close();
  await host.start();
  await host.until(() => host.agent.dump().vms.every(({ phase }) => phase === 'running'));
  host.check(t, when);
  const logged = JSON.stringify(host.answers());
  for (const id of host.done) t.true(logged.includes(`"${id}"`), `${when}: ${id} was told done`);
  t.true(await host.ends(host.deploy()), `${when}: the function serves`);
  host.call('after');
  await host.until(() => host.isQuiet());
  t.true(host.done.includes('after'), `${when}: a call is served: ${host.told.join('; ')}`);
  const ids = host.answers().map((one) => JSON.stringify(one).match(/"request_id":"[^"]+"/)?.[0]);
  t.is(new Set(ids).size, ids.length, `${when}: answered twice: ${ids.join()}`);
  t.true(host.isQuiet(), `${when}: nothing is stuck, and all memory came back`);
  t.true(await host.ends(host.agent.remove('a')), when);
  t.deepEqual(host.hypervisor.alive(), [], when);
  t.is(host.agent.grantedBytes(), 0, when);
  const rows = TABLES.filter((table) => table !== 'meta' && host.store.count(table) > 0);
  t.deepEqual(rows, [], `${when}: rows are left`);
  const done = host.answers().filter((one) => JSON.stringify(one).includes('"outcome":"done"'));
  if (done.length > host.done.length) resumed.add(host.killed_in);
  host.agent.close();
  host.store.close();
  return host.killed_in;
}

test('killed at any step, nothing is lost: VMs, permits, instances, what was told done', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const seen = new Set<string>();
  let at = 1;
  for (; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: false });
    if (killed_in === null) break;
    seen.add(killed_in);
  }
  t.log(`${at - 1} steps: ${[...seen].toSorted().join(', ')}`);
  t.true(resumed.has('guest invoke'), 'a running invocation ends under the next agent');
  for (const what of ['launch', 'plug', 'unplug', 'before a write', 'after a write']) {
    t.true(seen.has(what), what);
  }
  for (const request of ['start', 'invoke', 'stop', 'stats']) {
    t.true(seen.has(`guest ${request}`), request);
  }
});

test('killed at any step between a want and its memory, whoever waited goes on or is told', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const plugs: number[] = [];
  let at = 1;
  for (; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: true });
    if (killed_in === null) break;
    if (killed_in === 'plug') plugs.push(at);
  }
  t.log(`${at - 1} steps, plugs at ${plugs.join(', ')}`);
  t.true(plugs.length >= 3, 'a start and two growths');
});
