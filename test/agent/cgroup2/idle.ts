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
import { waitFor } from '../../../base/wait.ts';

const ROOT = '/sys/fs/cgroup/yields';
const TICKS = 200;
const DEADLINE_MS = 120_000;

async function hog(name: string) {
  const cgroup = join(ROOT, name);
  mkdirSync(cgroup);
  const { pid = 0 } = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  writeFileSync(join(cgroup, 'cgroup.procs'), String(pid));
  return { pid, pid_start_ticks: (await readStartTicks(pid)) ?? 0, cgroup };
}

/** utime of a process, in ticks. */
function ticksOf({ pid }: { readonly pid: number }): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[11]);
}

mkdirSync(ROOT);
passControllersOn('/sys/fs/cgroup');
passControllersOn(ROOT);
const why = whyNoYield(ROOT);
const [low, other] = [await hog('low'), await hog('other')];
const failures: string[] = [];
const onFailure = (text: string): void => void failures.push(text);
const cpu = new CpuYield({ vmm: low, clock: hostClock, onFailure });

/** What the first gets of what both get, until that is two seconds. */
async function share(): Promise<number | null> {
  const from = [ticksOf(low), ticksOf(other)] as const;
  const look = (): number | null => {
    const [mine, its] = [ticksOf(low) - from[0], ticksOf(other) - from[1]];
    return mine + its >= TICKS ? mine / (mine + its) : null;
  };
  return await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS });
}

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
