/**
 * Goal: an instance whose program does harm delays no neighbour and no word of the guest.
 * Method: two instances in one VM. The latency of calls of one is measured while the VM is quiet,
 * and while the other does what it should not.
 */
import { mkdtemp, copyFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { LIMITS } from '../../base/limits.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { type FunctionHost, functionHost } from './function-host.ts';

const CALLS = 100;
/** One CPU is shared by two: twice is what it must cost, and an emulator's scheduling is coarse. */
const TIMES_MAX = 10;
/** Of one that was quick: an emulator is late by so much now and then, beside anything. */
const LATE_MS = 100;

/** The latency (ms) that 99 of 100 of these are below; of fewer the longest. */
function p99Of(took_ms: readonly number[]): number {
  const sorted = took_ms.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * 0.99) - 1)] ?? Number.NaN;
}

/** A VM of two instances, with a program in C. */
async function hostOf(
  t: ExecutionContext,
  { source, rest }: { readonly source: string; readonly rest: string },
): Promise<FunctionHost> {
  const program = await ensureStaticProgram({
    name: `hostile-${source.replace(/.*\/|\.c$/g, '').replace('_', '-')}`,
    sources: [join(PROJECT_ROOT, source)],
  });
  const folder = await mkdtemp(join(tmpdir(), 'hp-hostile-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  await copyFile(program, join(folder, 'client'));
  await writeFile(
    join(folder, 'function.yaml'),
    'name: client\ncommand: [/var/task/client]\nmemory: 128MiB\nconcurrency: 2\n' +
      `keep_alive: 1h\n${rest}`,
  );
  const host = await functionHost(t, ['virtio-mem']);
  await host.deployFolder(folder);
  return host;
}

/** What its calls took (ms), `CALLS` of them at least, and on until that is over. */
async function echoes(
  host: FunctionHost,
  text: string,
  isOver: () => boolean = () => true,
): Promise<readonly number[]> {
  const took_ms: number[] = [];
  while (took_ms.length < CALLS || !isOver()) {
    const begun_ms = hostClock.nowMs();
    const { status, body } = await host.call('client', text);
    if (status !== 200 || body !== text) throw new Error(`${status}: ${body}`);
    took_ms.push(hostClock.nowMs() - begun_ms);
  }
  return took_ms;
}

async function guestIsInTime(t: ExecutionContext, host: FunctionHost): Promise<void> {
  const asked_ms = hostClock.nowMs();
  await host.statusOf('client');
  const took_ms = hostClock.nowMs() - asked_ms;
  t.true(took_ms < LIMITS.guest_call_ms, `the guest tells its figures in time: ${took_ms} ms`);
}

function holdsBeside(
  t: ExecutionContext,
  what: string,
  { quiet_ms, beside_ms }: Readonly<Record<'quiet_ms' | 'beside_ms', number>>,
): void {
  t.log(`${what}: p99 quiet ${quiet_ms.toFixed(1)} ms, beside it ${beside_ms.toFixed(1)} ms`);
  const most_ms = TIMES_MAX * quiet_ms + LATE_MS;
  t.true(beside_ms <= most_ms, `${what}: ${beside_ms} ms against ${quiet_ms} ms`);
}

for (const what of ['garbage', 'other', 'silent']) {
  test.serial(
    `a client of the Lambda API delays neither neighbour nor guest: ${what}`,
    async (t) => {
      const source = 'test/agent/hostile/garbage.c';
      const host = await hostOf(t, { source, rest: 'timeout: 45s\n' });
      await echoes(host, '"first"');
      const quiet_ms = p99Of(await echoes(host, '"quiet"'));

      const harm = host.call('client', `"${what}"`);
      // The other instance, which is started for it.
      t.is((await host.call('client', '"second"')).status, 200);
      const beside_ms = p99Of(await echoes(host, '"beside"'));
      holdsBeside(t, what, { quiet_ms, beside_ms });
      await guestIsInTime(t, host);
      const { instances_busy, instances_idle } = await host.statusOf('client');
      t.deepEqual([instances_busy, instances_idle], [1, 1], 'it was at it all the while');

      t.like(await harm, { status: 504 }, 'it is given up when its time is over');
      t.is((await host.call('client', '"after"')).status, 200);
    },
  );
}

/** What a program may do for as long as it likes. */
const LASTING = ['fork', 'fill', 'files', 'shout 64'];

test.serial('what a program takes of its VM delays neither neighbour nor guest', async (t) => {
  const source = 'test/guest/c/sandbox_probe.c';
  const host = await hostOf(t, { source, rest: 'interface: http\ntmp: 16MiB\n' });
  await Promise.all([echoes(host, 'one'), echoes(host, 'two')]);
  const quiet_ms = p99Of(await echoes(host, 'quiet'));
  for (const what of LASTING) {
    const state = { is_over: false };
    const harm = (async () => {
      while (!state.is_over) t.is((await host.call('client', what)).status, 200);
    })();
    const beside_ms = p99Of(await echoes(host, 'beside'));
    await guestIsInTime(t, host);
    state.is_over = true;
    await harm;
    holdsBeside(t, what, { quiet_ms, beside_ms });
  }
  // The last one: it ends its instance.
  const state = { is_over: false };
  const harm = host.call('client', 'eat').finally(() => (state.is_over = true));
  const beside_ms = p99Of(await echoes(host, 'beside', () => state.is_over));
  t.regex((await harm).body, /HP_AGENT_INSTANCE_OOM/, 'it is ended by its own bound');
  holdsBeside(t, 'eat', { quiet_ms, beside_ms });
});
