/** An update of a function as its operator makes it, on real VMs, while its callers go on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AgentClient } from '../../agent/api/client.ts';
import { heardStatus } from '../../agent/api/heard-status.ts';
import type { VmRow } from '../../agent/model/list-messages.ts';
import type { RegionStatus } from '../../agent/model/messages.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { readStartTicks, waitForEnd } from '../../base/process.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { runLine } from '../cli/run-line.ts';

const WORK = { anonymous_bytes: 32 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 50 };
const MAIN = join(PROJECT_ROOT, 'cli', 'main.ts');
const DEADLINE_MS = 120_000;

async function agentIn(t: ExecutionContext, folder: string, socket: string): Promise<void> {
  const args = ['agent', '--vmm=qemu', '--mechanisms=hotmem', `--socket=${socket}`];
  const child: ChildProcess = spawn(
    process.execPath,
    [MAIN, ...args, `--state-dir=${join(folder, 'state')}`],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let out = '';
  let log = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });
  const came = (): true | null =>
    out.includes('serving on') || child.exitCode !== null ? true : null;
  await waitFor(came, { clock: hostClock, deadline_ms: 180_000, longest_pause_ms: 50 });
  if (child.exitCode !== null) throw new Error(`the agent did not serve: ${log}`);
}

/** Calls one after the other until it is stopped; how each of them ended. */
class Caller {
  readonly outcomes: string[] = [];
  #over = false;
  readonly #calling: Promise<void>;

  constructor(client: AgentClient, name: string) {
    this.#calling = this.#callOn(client, name);
  }

  async #callOn(client: AgentClient, name: string): Promise<void> {
    while (!this.#over) {
      const invocation_id = `${name}-${this.outcomes.length}`;
      const { outcome } = await client.invoke({
        function: 'f',
        invocation_id,
        ...emulated(WORK),
      });
      this.outcomes.push(outcome);
    }
  }

  /** Resolves when it has called that often. */
  async called(times: number): Promise<void> {
    const enough = (): true | null => (this.outcomes.length >= times ? true : null);
    const in_time = await waitFor(enough, { clock: hostClock, deadline_ms: DEADLINE_MS });
    if (!in_time) throw new Error(`${this.outcomes.length} calls in two minutes`);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#calling;
  }
}

/** The agent hears of the end of another one after its process is gone. */
async function onlyVm(t: ExecutionContext, client: AgentClient): Promise<VmRow | undefined> {
  let rows: VmRow[] = [];
  const look = async (): Promise<true | null> => {
    rows = await Array.fromAsync(client.vms());
    return rows.length === 1 ? true : null;
  };
  await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS });
  t.is(rows.length, 1, JSON.stringify(rows));
  return rows[0];
}

/** Of each region what VMM and guest count, once no start is under way and both say the same. */
async function countedAtRest(client: AgentClient) {
  const { signal } = new AbortController();
  let regions: readonly RegionStatus[] = [];
  const look = async (): Promise<true | null> => {
    const [status] = (await heardStatus(client, 'f', { signal })).functions;
    regions = status?.regions ?? [];
    const agree = regions.every((one) => one.plugged_bytes === one.guest_plugged_bytes);
    return status?.instances_starting === 0 && agree ? true : null;
  };
  await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS });
  return regions.map((one) => [one.plugged_bytes, one.guest_plugged_bytes]);
}

test('hotplane deploy gives a function more processors and memory, and no call fails by it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-update-'));
  const socket = join(folder, 'a.sock');
  await agentIn(t, folder, socket);
  const client = new AgentClient(socket);
  t.teardown(() => client.close());
  const deploy = async (words: string) => {
    const fixed = '--mechanism hotmem --concurrency 2 --boot-memory 512MiB --keep-alive 3600';
    const { code, out, err } = await runLine(`deploy f ${fixed} ${words} --socket ${socket}`);
    t.is(code, 0, err);
    return out;
  };
  await deploy('--limit 128MiB --vcpus 1');
  const before = await onlyVm(t, client);
  const pid = before?.vmm_pid ?? 0;
  const old = { pid, start_ticks: (await readStartTicks(pid)) ?? 0 };
  t.true(old.start_ticks > 0);
  const callers = ['a', 'b'].map((name) => new Caller(client, name));
  await Promise.all(callers.map((one) => one.called(2)));

  const told = await deploy('--limit 256MiB --vcpus 2');
  t.is(told, 'f: revision 2: limit_bytes, vcpus changed, 1 VM replaced\n');
  const at_once = callers.map(({ outcomes }) => outcomes.length);
  await Promise.all(callers.map((one, index) => one.called((at_once[index] ?? 0) + 2)));
  await Promise.all(callers.map((one) => one.stop()));
  const outcomes = callers.flatMap((one) => one.outcomes);
  t.deepEqual([...new Set(outcomes)], ['done'], `${outcomes.length} calls`);
  t.log(`${outcomes.length} calls, ${at_once.join(' and ')} before the update was over`);

  t.true(await waitForEnd(old, hostClock, 60_000), 'the old VM ends');
  const after = await onlyVm(t, client);
  t.not(after?.vm_id, before?.vm_id);
  const words = readFileSync(`/proc/${after?.vmm_pid}/cmdline`, 'utf8').split('\0');
  t.regex(words[words.indexOf('-smp') + 1] ?? '', /^(cpus=)?2\b/, words.join(' '));
  t.is((await client.status('f')).functions[0]?.vm_id, after?.vm_id);
  const counted = await countedAtRest(client);
  t.is(counted.length, 2);
  for (const [by_vmm, by_guest] of counted) {
    t.true(by_vmm === 0 || by_vmm === 256 * MIB, `${by_vmm}`);
    t.is(by_vmm, by_guest);
  }
});
