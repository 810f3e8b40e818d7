/** A process that computes without end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ExecutionContext } from 'ava';
import type { YieldingProcess } from '../../../agent/pressure/cpu-yield.ts';
import { readStartTicks } from '../../../base/process.ts';

/** On the first CPU, until the test is over; `detached`: in a session of its own. */
export async function hogOf(t: ExecutionContext, detached = true): Promise<YieldingProcess> {
  const command = ['-c', '0', process.execPath, '-e', 'for (;;);'];
  const child = spawn('taskset', command, { detached, stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  return { pid, pid_start_ticks: (await readStartTicks(pid)) ?? 0 };
}
