/**
 * Runs inside the nested machine, whose one CPU two processes want, each in a cgroup of its own.
 * Tells what the first gets of it before, while and after it yields, as one JSON line.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CpuYield, endYield, whyNoYield } from '../../../agent/pressure/cpu-yield.ts';
import { passControllersOn } from '../../../agent/pressure/vm-group.ts';
import { hostClock } from '../../../base/clock.ts';
import { readStartTicks } from '../../../base/process.ts';
import { cpuShare } from '../pressure/cpu-share.ts';

const ROOT = '/sys/fs/cgroup/yields';
const DEADLINE_MS = 120_000;

async function hog(name: string) {
  const cgroup = join(ROOT, name);
  mkdirSync(cgroup);
  const { pid = 0 } = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  writeFileSync(join(cgroup, 'cgroup.procs'), String(pid));
  return { pid, pid_start_ticks: (await readStartTicks(pid)) ?? 0, cgroup };
}

mkdirSync(ROOT);
passControllersOn('/sys/fs/cgroup');
passControllersOn(ROOT);
const why = whyNoYield(ROOT);
const [low, other] = [await hog('low'), await hog('other')];
const failures: string[] = [];
const onFailure = (text: string): void => void failures.push(text);
const cpu = new CpuYield({ vmm: low, clock: hostClock, onFailure });

const share = async () => await cpuShare(low, other, DEADLINE_MS);
const before = await share();
cpu.set(true);
const during = await share();
cpu.set(false);
const after = await share();
cpu.set(true);
endYield(low);
const idle = readFileSync(join(low.cgroup, 'cpu.idle'), 'utf8').trim();
for (const { pid } of [low, other]) process.kill(pid, 'SIGKILL');
process.stdout.write(`${JSON.stringify({ why, before, during, after, idle, failures })}\n`);
