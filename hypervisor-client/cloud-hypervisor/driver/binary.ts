/** Finds the program and its version. */
import { execa } from 'execa';
import { LIMITS } from '../../../base/limits.ts';
import { vmmEnvironment } from '../../../base/tool-environment.ts';
import { spawnError } from '../../lifecycle/spawn-error.ts';
import { type ChVersion, requireVersion } from '../version.ts';

/** Program and leading arguments. */
export type ChCommand = readonly [string, ...(readonly string[])];

/** Throws HP_VMM_MISSING when it cannot be run and HP_CH_VERSION when it is not to be used. */
export async function programVersion(command: ChCommand): Promise<ChVersion> {
  const [file, ...leading] = command;
  const { stdout, failed, cause } = await execa(file, [...leading, '--version'], {
    reject: false,
    timeout: LIMITS.vmm_start_ms,
    stdin: 'ignore',
    env: vmmEnvironment(),
    extendEnv: false,
  });
  if (failed) throw chMissing(file, cause);
  return requireVersion(stdout.split('\n')[0] ?? '');
}

export function chMissing(program: string, cause: unknown): Error {
  const next =
    'Get a static build of v53.0 or newer from the releases of ' +
    'github.com/cloud-hypervisor/cloud-hypervisor and name it with --cloud-hypervisor or ' +
    'CLOUD_HYPERVISOR=/path.';
  return spawnError(program, cause, next);
}
