/**
 * Which accelerator a VM can really use. `/dev/kvm` may open and yet be unable to run an ordinary
 * guest (software PVM: SeaBIOS starts, Linux hangs), so the CPU must show hardware virtualisation.
 */
import { open, readFile } from 'node:fs/promises';
import { errnoOf } from '../../base/system-error.ts';

/** What runs the guest's code: the host's CPU, or an emulation of one. */
export type Accelerator = 'kvm' | 'tcg';

export interface AcceleratorProbe {
  readonly accelerator: Accelerator;
  /** One clause for people: why this one. */
  readonly reason: string;
}

export interface AcceleratorPaths {
  readonly kvm: string;
  readonly cpuinfo: string;
}

const HOST_PATHS: AcceleratorPaths = { kvm: '/dev/kvm', cpuinfo: '/proc/cpuinfo' };

/** Looks at the host; never throws. */
export async function probeAccelerator(
  paths: AcceleratorPaths = HOST_PATHS,
): Promise<AcceleratorProbe> {
  const trouble = await openTrouble(paths.kvm);
  if (trouble) return { accelerator: 'tcg', reason: `${paths.kvm} ${trouble}` };
  const flag = virtualisationFlag(await readFile(paths.cpuinfo, 'utf8').catch(() => ''));
  if (flag) return { accelerator: 'kvm', reason: `${paths.kvm} opens and the CPU has ${flag}` };
  return {
    accelerator: 'tcg',
    reason: `${paths.kvm} opens, but the CPU shows neither vmx nor svm`,
  };
}

/** The accelerator of one VM: what its specification names, or what the probe finds. */
export async function chooseAccelerator(
  wanted: Accelerator | 'auto',
  paths: AcceleratorPaths = HOST_PATHS,
): Promise<Accelerator> {
  return wanted === 'auto' ? (await probeAccelerator(paths)).accelerator : wanted;
}

/** `vmx`, `svm` or null, from the text of /proc/cpuinfo. */
export function virtualisationFlag(cpuinfo: string): 'vmx' | 'svm' | null {
  const match = /^flags\s*:.*\b(vmx|svm)\b/m.exec(cpuinfo);
  return match?.[1] === 'vmx' ? 'vmx' : match ? 'svm' : null;
}

async function openTrouble(path: string): Promise<string | null> {
  try {
    const file = await open(path, 'r+');
    await file.close();
    return null;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return 'does not exist';
    return code === 'EACCES' ? 'may not be opened by this user' : `cannot be opened (${code})`;
  }
}
