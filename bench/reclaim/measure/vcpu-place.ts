/**
 * Gives one virtual CPU a host core of its own and keeps the rest of its VMM and this process away
 * from it, as who cares for latency sets up a host. Without a second core nothing is done. This
 * process then runs as a batch one (sched(7)): it does not preempt a VMM that holds a lock.
 */
import { readdir, readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { BENCH_LIMITS } from '../../limits.ts';
import { toolEnvironment } from '../../../base/tool-environment.ts';
import { toolFailed } from '../../errors.ts';

/** Undoes the placement of this process; the VMM's ends with it. */
export type Release = () => Promise<void>;

/** Core lists as `taskset -c` takes them. Pure. */
export interface CoreLists {
  readonly own: string;
  readonly others: string;
}

/**
 * `allowed` is such a list too, e.g. `0-2,5`, as `Cpus_allowed_list` has it (proc(5)). Its last
 * core is the vCPU's; null when there is no other one. Pure.
 */
export function coreLists(allowed: string): CoreLists | null {
  const cores = allowed.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    if (first === undefined || last === undefined) return [];
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const own = cores.pop();
  if (own === undefined || cores.length === 0) return null;
  return { own: String(own), others: cores.join(',') };
}

export async function separateVcpu(vmm_pid: number, vcpu: number): Promise<Release> {
  const allowed = await allowedCores();
  const cores = coreLists(allowed);
  if (!cores) return async () => undefined;
  const thread_id = await vcpuThread(vmm_pid, vcpu);
  await run('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.others, String(vmm_pid)]);
  await run('taskset', ['--cpu-list', '--pid', cores.own, thread_id]);
  const self = String(process.pid);
  const release = async (): Promise<void> => {
    await run('chrt', ['--other', '--all-tasks', '--pid', '0', self]);
    await run('taskset', ['--all-tasks', '--cpu-list', '--pid', allowed, self]);
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

/** Cores on which this process may run; a container or a `taskset` around it leaves fewer. */
async function allowedCores(): Promise<string> {
  const status = await readFile('/proc/self/status', 'utf8');
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1];
  if (allowed !== undefined) return allowed;
  throw toolFailed('reading /proc/self/status', 'it has no Cpus_allowed_list');
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
  const result = await execa(tool, args, {
    reject: false,
    timeout: BENCH_LIMITS.placement_ms,
    env: toolEnvironment(),
    extendEnv: false,
  });
  if (result.failed) throw toolFailed(tool, result.stderr || String(result.shortMessage));
}
