/** The VMM of a VM by what its command line names: the folder of that VM, which is its alone. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProcessIdentity, readStartTicks, sendSignal } from '../../base/process.ts';

/** `state_dir`: of the agent whose VM it is. Throws when there is no such process. */
export async function signalVmm(
  state_dir: string,
  vm_id: string,
  signal: NodeJS.Signals,
): Promise<void> {
  const found = await processesNaming(`${join(state_dir, 'vms', vm_id)}/`);
  const sent = await Promise.all(found.map(async (one) => await sendSignal(one, signal)));
  if (!sent.includes(true)) throw new Error(`the VMM of ${vm_id} is not there`);
}

async function processesNaming(text: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: ProcessIdentity[] = [];
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (pid === process.pid || !command.includes(text)) continue;
    const start_ticks = await readStartTicks(pid);
    if (start_ticks !== null) found.push({ pid, start_ticks });
  }
  return found;
}
