/**
 * Gives one virtual CPU a host core of its own and keeps the rest of its VMM and this process away
 * from it, as who cares for latency sets up a host. Without a second core nothing is done. This
 * process then runs as a batch one (sched(7)): it does not preempt a VMM that holds a lock.
 */
import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { execa } from 'execa';
import { LIMITS } from '../base/limits.ts';
import { toolFailed } from './errors.ts';

/** Undoes the placement of this process; the VMM's ends with it. */
export type Release = () => Promise<void>;

/** Core lists as `taskset -c` takes them. Pure. */
export interface CoreLists {
  readonly own: string;
  readonly others: string;
  readonly all: string;
}

/** The last core is the vCPU's; null when there is no other one. Pure. */
export function coreLists(cores: number): CoreLists | null {
  if (cores < 2) return null;
  const rest = cores === 2 ? '0' : `0-${cores - 2}`;
  return { own: String(cores - 1), others: rest, all: `0-${cores - 1}` };
}

export async function separateVcpu(vmm_pid: number, vcpu: number): Promise<Release> {
  const cores = coreLists(availableParallelism());
  if (!cores) return async () => undefined;
  const thread_id = await vcpuThread(vmm_pid, vcpu);
  await run('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.others, String(vmm_pid)]);
  await run('taskset', ['--cpu-list', '--pid', cores.own, thread_id]);
  const self = String(process.pid);
  const release = async (): Promise<void> => {
    await run('chrt', ['--other', '--all-tasks', '--pid', '0', self]);
    await run('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.all, self]);
  };
  try {
    await run('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.others, self]);
    await run('chrt', ['--batch', '--all-tasks', '--pid', '0', self]);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

/** QEMU names its threads `CPU 1/TCG` or `CPU 1/KVM` (`-name debug-threads=on`). */
async function vcpuThread(vmm_pid: number, vcpu: number): Promise<string> {
  const tasks = `/proc/${vmm_pid}/task`;
  for (const thread_id of await readdir(tasks)) {
    const name = await readFile(`${tasks}/${thread_id}/comm`, 'utf8');
    if (name.startsWith(`CPU ${vcpu}/`)) return thread_id;
  }
  throw toolFailed('the search for the thread of a virtual CPU', `none is CPU ${vcpu}`);
}

async function run(tool: 'taskset' | 'chrt', args: readonly string[]): Promise<void> {
  const result = await execa(tool, args, { reject: false, timeout: LIMITS.bench_placement_ms });
  if (result.failed) throw toolFailed(tool, result.stderr || String(result.shortMessage));
}
