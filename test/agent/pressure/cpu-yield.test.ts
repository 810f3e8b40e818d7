/** A process that runs behind all else, and as before again: real ones, and files of a test. */
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  CpuYield,
  endYield,
  whyNoYield,
  type YieldingProcess,
} from '../../../agent/pressure/cpu-yield.ts';
import { hostClock } from '../../../base/clock.ts';
import { cpuShare } from './cpu-share.ts';
import { hogOf } from './hog.ts';

const SHARE_MS = 120_000;

const autogroup = (pid: number): string => readFileSync(`/proc/${pid}/autogroup`, 'utf8').trim();

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'hp-yield-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const failures: string[] = [];
const yieldOf = (vmm: YieldingProcess): CpuYield =>
  new CpuYield({ vmm, clock: hostClock, onFailure: (why) => failures.push(why) });

const withWay = whyNoYield(null) === null ? test.serial : test.serial.skip;

withWay('beside one that does not yield it gets next to nothing, and its half after', async (t) => {
  t.timeout(3 * SHARE_MS + 60_000);
  const [low, other] = [await hogOf(t), await hogOf(t)];
  const cpu = yieldOf(low);
  const share = async () => (await cpuShare(low, other, SHARE_MS)) ?? Number.NaN;
  const before = await share();
  cpu.set(true);
  t.regex(autogroup(low.pid), / nice 19$/);
  t.regex(autogroup(other.pid), / nice 0$/);
  const during = await share();
  cpu.set(false);
  t.regex(autogroup(low.pid), / nice 0$/);
  const after = await share();
  t.log(`of one CPU: ${before.toFixed(2)}, yielding ${during.toFixed(2)}, ${after.toFixed(2)}`);
  t.true(before > 0.3 && after > 0.3);
  t.true(during < 0.1);
  t.deepEqual(failures, []);
});

withWay('what an earlier agent left low is as others before anything else', async (t) => {
  const left = await hogOf(t);
  yieldOf(left).set(true);
  endYield({ ...left, pid_start_ticks: left.pid_start_ticks + 1 });
  t.regex(autogroup(left.pid), / nice 19$/, 'another process of that number is left alone');
  endYield(left);
  t.regex(autogroup(left.pid), / nice 0$/);
});

withWay('a session that others are in, and a process that is gone, are left alone', async (t) => {
  const own = autogroup(process.pid);
  const shared = await hogOf(t, false);
  yieldOf(shared).set(true);
  t.is(autogroup(process.pid), own);
  const gone = yieldOf({ pid: 2 ** 22 + 1, pid_start_ticks: 1 });
  gone.set(true);
  gone.set(false);
  t.deepEqual(failures, []);
});

test('a cgroup of its own is idle, where that can be', (t) => {
  const cgroup = folderOf(t);
  writeFileSync(join(cgroup, 'cpu.idle'), '0');
  const idle = (): string => readFileSync(join(cgroup, 'cpu.idle'), 'utf8');
  const vmm = { pid: 2 ** 22 + 1, pid_start_ticks: 1, cgroup };
  const cpu = yieldOf(vmm);
  cpu.set(true);
  t.is(idle(), '1');
  cpu.set(false);
  t.is(idle(), '0');
  cpu.set(true);
  endYield(vmm);
  t.is(idle(), '0');
});

test('what cannot be written is told once, and not tried again', (t) => {
  const cgroup = folderOf(t);
  mkdirSync(join(cgroup, 'cpu.idle'));
  const told: string[] = [];
  const vmm = { pid: 2 ** 22 + 1, pid_start_ticks: 1, cgroup };
  const cpu = new CpuYield({ vmm, clock: hostClock, onFailure: (why) => told.push(why) });
  for (let count = 0; count < 3; count += 1) {
    cpu.set(true);
    cpu.set(false);
  }
  t.is(told.length, 1);
  t.regex(told[0] ?? '', /EISDIR/);
});

test('a host has a way with autogroups it may change at will, or the cpu controller', (t) => {
  const proc = folderOf(t);
  const root = folderOf(t);
  mkdirSync(join(proc, 'sys/kernel'), { recursive: true });
  mkdirSync(join(proc, 'self'));
  t.regex(whyNoYield(null, proc) ?? '', /no autogroups/);
  writeFileSync(join(proc, 'sys/kernel/sched_autogroup_enabled'), '1\n');
  writeFileSync(join(proc, 'self/status'), 'CapEff:\t0000000000000000\n');
  t.regex(whyNoYield(null, proc) ?? '', /CAP_SYS_ADMIN/);
  writeFileSync(join(root, 'cgroup.subtree_control'), 'memory\n');
  t.regex(whyNoYield(root, proc) ?? '', /CAP_SYS_ADMIN/);
  writeFileSync(join(root, 'cgroup.subtree_control'), 'cpu memory\n');
  t.is(whyNoYield(root, proc), null);
  writeFileSync(join(proc, 'self/status'), 'CapEff:\t0000000000200000\n');
  t.is(whyNoYield(null, proc), null);
});
