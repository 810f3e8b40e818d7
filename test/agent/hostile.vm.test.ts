/**
 * Goal: an instance whose program talks garbage to the API it is served by harms no neighbour.
 * Method: two instances in one VM. The latency of calls of one is measured while the VM is quiet,
 * and while the other sends garbage as fast as that is taken.
 */
import { mkdtemp, copyFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { LIMITS } from '../../base/limits.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { type FunctionHost, functionHost } from './function-host.ts';

const CALLS = 100;
/** One CPU is shared by two: twice is what it must cost, and an emulator's scheduling is coarse. */
const TIMES_MAX = 10;

/** The latency (ms) that 99 of 100 calls are below. */
async function p99Of(calls: () => Promise<void>): Promise<number> {
  const took: number[] = [];
  for (let count = 0; count < CALLS; count += 1) {
    const begun_ms = hostClock.nowMs();
    await calls();
    took.push(hostClock.nowMs() - begun_ms);
  }
  return took.toSorted((a, b) => a - b)[CALLS - 2] ?? Number.NaN;
}

async function folderOf(): Promise<string> {
  const program = await ensureStaticProgram({
    name: 'test-garbage-client',
    sources: [join(PROJECT_ROOT, 'test/agent/hostile/garbage.c')],
  });
  const folder = await mkdtemp(join(tmpdir(), 'hp-garbage-'));
  await copyFile(program, join(folder, 'client'));
  await writeFile(
    join(folder, 'function.yaml'),
    'name: client\ncommand: [/var/task/client]\nmemory: 128MiB\nconcurrency: 2\n' +
      'keep_alive: 1h\ntimeout: 90s\n',
  );
  return folder;
}

async function echoes(host: FunctionHost, text: string): Promise<void> {
  const { status, body } = await host.call('client', text);
  if (status !== 200 || body !== text) throw new Error(`${status}: ${body}`);
}

test.serial(
  'a client that talks garbage to its API delays neither neighbour nor agent',
  async (t) => {
    const folder = await folderOf();
    t.teardown(async () => await rm(folder, { recursive: true, force: true }));
    const host = await functionHost(t, ['virtio-mem']);
    await host.deployFolder(folder);
    await echoes(host, '"first"');
    const quiet_ms = await p99Of(async () => await echoes(host, '"quiet"'));

    const garbage = host.call('client', '"garbage"');
    // The other instance, which is started for it.
    await echoes(host, '"second"');
    const beside_ms = await p99Of(async () => await echoes(host, '"beside"'));
    t.log(
      `p99 of ${CALLS} calls: quiet ${quiet_ms.toFixed(1)} ms, beside ${beside_ms.toFixed(1)} ms`,
    );
    t.true(beside_ms <= TIMES_MAX * quiet_ms, `${beside_ms} ms against ${quiet_ms} ms`);

    const asked_ms = hostClock.nowMs();
    const { instances_busy, instances_idle } = await host.statusOf('client');
    t.true(
      hostClock.nowMs() - asked_ms < LIMITS.guest_call_ms,
      'the guest tells its figures in time',
    );
    t.deepEqual([instances_busy, instances_idle], [1, 1], 'it was sending all the while');

    t.like(await garbage, { status: 504 }, 'it is given up when its time is over');
    await echoes(host, '"after"');
  },
);
