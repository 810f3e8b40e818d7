/**
 * Scale-ups and scale-downs on real VMs, with the agent and VMMs killed or stopped: after each,
 * what the VMMs, the guests and the host say of every region is nothing, and at the end nothing is
 * left. Behind HOTPLANE_VM_SOAK_CYCLES, for an emulated VM boots for long.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AgentClient } from '../../agent/api/client.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { codeOf } from '../../base/system-error.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { numberOf, SEED } from '../seed.ts';
import { specOf } from './core/world.ts';

const CYCLES = numberOf('HOTPLANE_VM_SOAK_CYCLES', 0);
const DEADLINE_MS = 600_000;
/** A guest may take so long for a call of which a VM was killed. */
const CALL_MS = 120_000;
const FUNCTIONS = ['a', 'b', 'c'];
const VMS = 8;
/** One cycle in so many kills the agent, as many kill a VMM, and as many stop one for a while. */
const KILLS_ONE_IN = 5;
const STOPPED_MS = 5_000;
/** A VMM stands still for so long; 0: that is left out. */
const STOPPED_S = numberOf('HOTPLANE_VM_STOPPED_S', 0);
/** What an agent may take more at the end of its cycles than at their begin. */
const GROWTH_BYTES = 64 * MIB;
const CALL = emulated({ anonymous_bytes: 60 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 300 });
const MAIN = join(PROJECT_ROOT, 'cli', 'main.ts');

const started = new Set<ChildProcess>();
const hosts = new Set<RealHost>();
/** A failed test leaves no agent, no VMM and no folder. */
test.afterEach.always(async () => {
  for (const child of started) child.kill('SIGKILL');
  for (const host of hosts) {
    for (const pid of host.vmms()) process.kill(pid, 'SIGKILL');
    host.client.close();
    await rm(host.folder, { recursive: true, force: true });
  }
  hosts.clear();
});

/** Numbers below `most`, the same ones for a seed (a linear congruence is random enough here). */
function drawing(seed: number): (most: number) => number {
  let state = seed % 2_147_483_647 || 1;
  return (most) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % most;
  };
}

class RealHost {
  readonly folder: string;
  readonly client: AgentClient;
  agent: ChildProcess | null = null;
  #log = '';
  agents = 0;
  done = 0;
  /** Codes of those that were told why not. */
  readonly failed: string[] = [];

  constructor(folder: string) {
    this.folder = folder;
    hosts.add(this);
    this.client = new AgentClient(join(folder, 'a.sock'));
  }

  /** How long it took until it served. */
  async start(): Promise<number> {
    const begun_ms = hostClock.nowMs();
    const { folder } = this;
    const places = [`--socket=${join(folder, 'a.sock')}`, `--state-dir=${join(folder, 'state')}`];
    const options = ['agent', '--vmm=qemu', '--mechanisms=hotmem', '--overcommit', ...places];
    const env = { ...process.env, HOTPLANE_RUNTIME_DIR: folder };
    const child = spawn(process.execPath, [MAIN, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
    started.add(child);
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    const served = (): true | null => (out.includes('serving on') ? true : null);
    const pace = { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 50 };
    if (!(await waitFor(served, pace))) throw new Error(`the agent did not serve: ${this.#log}`);
    this.agent = child;
    this.agents += 1;
    return hostClock.nowMs() - begun_ms;
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { agent } = this;
    if (!agent) return;
    const ended = once(agent, 'exit');
    agent.kill(signal);
    await ended;
    started.delete(agent);
    this.agent = null;
  }

  /** VMMs of this host alone, by what their command line names. */
  vmms(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          return line.includes(this.folder) && line.includes('qemu-system');
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  async deploy(name: string): Promise<void> {
    const size = { limit_bytes: 128 * MIB, keep_alive_ms: 500, concurrency: 2 };
    const again = async (): Promise<true | null> =>
      await this.client.deploy(specOf(name, { mechanism: 'hotmem', ...size })).then(
        () => true,
        () => null,
      );
    const pace = { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 500 };
    if (!(await waitFor(again, pace))) throw new Error(`${name} is not deployed: ${this.#log}`);
  }

  /** `key`: the next agent is asked again where this one goes away. */
  async call(name: string, key: string | null = null): Promise<void> {
    const about = { function: name, invocation_id: key ?? 'soak', timeout_ms: CALL_MS };
    const why = await this.client
      .invoke({ ...CALL, ...about, idempotency_key: key })
      .then(({ outcome, failure }) => (outcome === 'done' ? null : (failure?.code ?? outcome)))
      .catch((error: unknown) => codeOf(error) ?? String(error));
    if (why === null) this.done += 1;
    else this.failed.push(why);
  }

  /** Nothing runs, and every observer says that nothing is plugged; the last look at it. */
  async quiet(): Promise<readonly FunctionStatus[] | null> {
    const look = async (): Promise<readonly FunctionStatus[] | null> => {
      const told = await this.client.status().catch(() => null);
      return told?.functions.every(isEmpty) ? told.functions : null;
    };
    const pace = { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 500 };
    return await waitFor(look, pace);
  }

  /** Nothing of it is left. */
  async close(): Promise<void> {
    this.client.close();
    await this.end('SIGTERM');
    if (existsSync(join(this.folder, 'a.sock'))) throw new Error('the socket is left');
    await rm(this.folder, { recursive: true });
  }

  usage(): { readonly rss_bytes: number; readonly files: number } {
    const pid = this.agent?.pid ?? 0;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const [, kib = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
    return { rss_bytes: Number(kib) * 1_024, files: readdirSync(`/proc/${pid}/fd`).length };
  }
}

/** Three observers of each region and the book; a function that lost its VM has none. */
function isEmpty({
  vm_state,
  regions,
  boot_bytes,
  permits_bytes,
  ...one
}: FunctionStatus): boolean {
  const { instances_starting, instances_busy, instances_idle, instances_stopping } = one;
  if (instances_starting + instances_busy + instances_idle + instances_stopping > 0) return false;
  if (vm_state === 'lost') return true;
  if (vm_state !== 'running' || permits_bytes > boot_bytes) return false;
  return regions.every(({ plugged_bytes, guest_plugged_bytes, resident_bytes, permit_bytes }) => {
    const observed = [plugged_bytes, guest_plugged_bytes, resident_bytes, permit_bytes];
    return observed.every((bytes) => bytes === 0);
  });
}

async function cycle(t: ExecutionContext, host: RealHost, draw: (most: number) => number) {
  for (const name of FUNCTIONS) await host.deploy(name);
  const calls = FUNCTIONS.flatMap((name) => Array.from({ length: 1 + draw(3) }, () => name));
  const asked = calls.map(async (name) => await host.call(name));
  const kill = draw(KILLS_ONE_IN);
  await hostClock.sleep(draw(1_500));
  if (kill === 0) {
    await host.end('SIGKILL');
    t.log(`the next agent served after ${Math.round(await host.start())} ms`);
  }
  const vmms = host.vmms();
  const pid = vmms[draw(Math.max(1, vmms.length))];
  if (kill === 1 && pid !== undefined) process.kill(pid, 'SIGKILL');
  if (kill === 2 && pid !== undefined) {
    process.kill(pid, 'SIGSTOP');
    await hostClock.sleep(STOPPED_MS);
    process.kill(pid, 'SIGCONT');
  }
  await Promise.all(asked);
  t.truthy(await host.quiet(), 'every byte is accounted for by three observers');
}

const soaked = CYCLES === 0 ? test.skip : test.serial;

soaked('eight VMs at work go on under the next agent, which answers what was asked', async (t) => {
  t.timeout(3_600_000);
  const host = new RealHost(await mkdtemp(join(tmpdir(), 'hp-soak-')));
  await host.start();
  const names = Array.from({ length: VMS }, (_, at) => `f${at}`);
  await Promise.all(names.map(async (name) => await host.deploy(name)));
  const vmms = host.vmms();
  t.is(vmms.length, VMS);
  const asked = names.flatMap((name) => {
    return ['one', 'two'].map(async (call) => await host.call(name, `${name}-${call}`));
  });
  const busy = async (): Promise<true | null> => {
    const { functions } = await host.client.status();
    return functions.every(({ instances_busy }) => instances_busy > 0) ? true : null;
  };
  const pace = { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 50 };
  t.log(`all at work: ${(await waitFor(busy, pace)) ?? false}`);
  await host.end('SIGKILL');
  t.log(`the next agent served after ${Math.round(await host.start())} ms`);
  await Promise.all(asked);
  t.deepEqual(host.failed, [], 'who asks again is answered');
  t.is(host.done, asked.length);
  t.truthy(await host.quiet(), 'every byte is accounted for by three observers');
  t.deepEqual(host.vmms(), vmms, 'the same VMs');
  for (const name of names) await host.client.remove(name);
  t.deepEqual(host.vmms(), []);
  await host.close();
});

(STOPPED_S === 0 ? test.skip : test.serial)(
  'a VMM that stands still holds nobody else up, and is told from one that goes on',
  async (t) => {
    t.timeout(3_600_000);
    const host = new RealHost(await mkdtemp(join(tmpdir(), 'hp-soak-')));
    await host.start();
    for (const name of FUNCTIONS) await host.deploy(name);
    for (const name of FUNCTIONS) await host.call(name);
    const [stopped = 0] = host.vmms();
    const line = readFileSync(`/proc/${stopped}/cmdline`, 'utf8');
    process.kill(stopped, 'SIGSTOP');
    const until_ms = hostClock.nowMs() + STOPPED_S * 1_000;
    // The others are served all the while; of the one that stands still a call is told why not.
    const slowest = { status_ms: 0, call_ms: 0 };
    const held = FUNCTIONS.map(async (name) => await host.call(name));
    let served = 0;
    while (hostClock.nowMs() < until_ms) {
      const before_ms = hostClock.nowMs();
      const { functions } = await host.client.status();
      const told_ms = hostClock.nowMs();
      slowest.status_ms = Math.max(slowest.status_ms, told_ms - before_ms);
      const others = functions.filter(({ vm_id }) => !line.includes(`/${vm_id}/`));
      const other = others.find(({ vm_state }) => vm_state === 'running');
      if (!other) continue;
      const done = host.done;
      await host.call(other.function.name);
      if (host.done > done) {
        served += 1;
        slowest.call_ms = Math.max(slowest.call_ms, hostClock.nowMs() - told_ms);
      }
    }
    process.kill(stopped, 'SIGCONT');
    await Promise.all(held);
    t.log(`${STOPPED_S} s: ${served} served meanwhile, slowest ${JSON.stringify(slowest)}`);
    t.log(`told why not: ${JSON.stringify(host.failed)}`);
    t.true(served > STOPPED_S / 10, 'others are served');
    for (const name of FUNCTIONS) await host.deploy(name);
    t.truthy(await host.quiet(), 'every byte is accounted for by three observers');
    for (const name of FUNCTIONS) await host.client.remove(name);
    t.deepEqual(host.vmms(), []);
    await host.close();
  },
);

soaked('cycles on real VMs, with kills', async (t) => {
  t.timeout(12 * 3_600_000);
  const folder = await mkdtemp(join(tmpdir(), 'hp-soak-'));
  const host = new RealHost(folder);
  const draw = drawing(SEED);
  t.log(`seed ${SEED}, ${CYCLES} cycles`);
  await host.start();
  let first: ReturnType<RealHost['usage']> | null = null;
  let agents = host.agents;
  for (let at = 0; at < CYCLES; at += 1) {
    await cycle(t, host, draw);
    if (agents !== host.agents || !first) first = host.usage();
    agents = host.agents;
  }
  const last = host.usage();
  t.log(`${host.agents} agents, ${host.done} calls done, ${host.failed.length} told why not`);
  t.log(`the last agent: ${JSON.stringify(first)} then ${JSON.stringify(last)}`);
  t.true(host.done > 0);
  t.true(last.rss_bytes <= (first?.rss_bytes ?? 0) + GROWTH_BYTES);
  for (const name of FUNCTIONS) await host.client.remove(name);
  t.deepEqual(host.vmms(), []);
  t.deepEqual(
    readdirSync(join(folder, 'state', 'vms')).filter((name) => {
      return existsSync(join(folder, 'state', 'vms', name, 'qmp.sock'));
    }),
    [],
  );
  await host.close();
});
