/** The process of a VM as the host shows it: which program runs, and with which arguments. */
import { readFile, readlink } from 'node:fs/promises';
import { AGENT_LIMITS } from '../limits.ts';

export interface VmProcess {
  readonly vmm_pid: number;
  /** Null where the host does not tell it: gone, or of another user. */
  readonly vmm_path: string | null;
  readonly vmm_command: readonly string[];
}

/** Never throws. An argument longer than the limit is cut. */
export async function vmProcess(pid: number): Promise<VmProcess> {
  const [vmm_path, text] = await Promise.all([
    readlink(`/proc/${pid}/exe`).catch(() => null),
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
  ]);
  const words = text.split('\0').slice(0, -1);
  return {
    vmm_pid: pid,
    vmm_path,
    vmm_command: words.map((word) => word.slice(0, AGENT_LIMITS.vmm_argument_chars)),
  };
}
