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
import { holdsBeside, timesOf } from './neighbour.ts';
import { pending } from './pending.ts';

/** How long it does harm, at least. */
const HARM_MS = 45_000;

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

/** What its calls took (ms), until that is over. */
const echoes = async (host: FunctionHost, text: string, isOver?: () => boolean) =>
  await timesOf(
    async () => {
      const { status, body } = await host.call('client', text);
      if (status !== 200 || body !== text) throw new Error(`${status}: ${body}`);
    },
    isOver ? { isOver } : {},
  );

async function guestIsInTime(t: ExecutionContext, host: FunctionHost): Promise<void> {
  const asked_ms = hostClock.nowMs();
  await host.statusOf('client');
  const took_ms = hostClock.nowMs() - asked_ms;
  t.true(took_ms < LIMITS.guest_call_ms, `the guest tells its figures in time: ${took_ms} ms`);
}

for (const what of ['garbage', 'other', 'silent']) {
  test.serial(
    `a client of the Lambda API delays neither neighbour nor guest: ${what}`,
    async (t) => {
      const source = 'test/agent/hostile/garbage.c';
      const host = await hostOf(t, { source, rest: 'timeout: 10m\n' });
      const [start_ms = 0] = await echoes(host, '"first"');
      const before_ms = await echoes(host, '"quiet"');

      // The start of the other instance and all calls are within it, as slow as they may be.
      const quiet_ms = before_ms.reduce((sum, ms) => sum + ms, 0);
      const harm_ms = Math.max(HARM_MS, 12 * quiet_ms + 3 * start_ms);
      const headers = { 'hotplane-timeout-ms': `${Math.round(harm_ms)}` };
      const harm = pending(host.call('client', `"${what}"`, { headers }));
      // The other instance, which is started for it.
      t.is((await host.call('client', '"second"')).status, 200);
      const beside_ms = await echoes(host, '"beside"');
      await guestIsInTime(t, host);
      const { instances_busy, instances_idle } = await host.statusOf('client');
      t.deepEqual([instances_busy, instances_idle], [1, 1], 'it was at it all the while');

      t.like(await harm, { status: 504 }, 'it is given up when its time is over');
      const after_ms = await echoes(host, '"after"');
      holdsBeside(t, what, { quiet_ms: [...before_ms, ...after_ms], beside_ms });
    },
  );
}

/** What a program may do for as long as it likes. */
const LASTING = ['fork', 'fill', 'files', 'shout 64'];

test.serial('what a program takes of its VM delays neither neighbour nor guest', async (t) => {
  const source = 'test/guest/c/sandbox_probe.c';
  const host = await hostOf(t, { source, rest: 'interface: http\ntmp: 16MiB\n' });
  await Promise.all([echoes(host, 'one'), echoes(host, 'two')]);
  let before_ms = await echoes(host, 'quiet');
  for (const what of LASTING) {
    const state = { is_over: false };
    const harm = pending(
      (async () => {
        while (!state.is_over) t.is((await host.call('client', what)).status, 200);
      })(),
    );
    const beside_ms = await echoes(host, 'beside').finally(() => (state.is_over = true));
    await guestIsInTime(t, host);
    await harm;
    const after_ms = await echoes(host, 'quiet');
    holdsBeside(t, what, { quiet_ms: [...before_ms, ...after_ms], beside_ms });
    before_ms = after_ms;
  }
  // The last one: it ends its instance.
  const state = { is_over: false };
  const harm = pending(host.call('client', 'eat').finally(() => (state.is_over = true)));
  const beside_ms = await echoes(host, 'beside', () => state.is_over);
  t.regex((await harm).body, /HP_AGENT_INSTANCE_OOM/, 'it is ended by its own bound');
  const after_ms = await echoes(host, 'quiet');
  holdsBeside(t, 'eat', { quiet_ms: [...before_ms, ...after_ms], beside_ms });
});
