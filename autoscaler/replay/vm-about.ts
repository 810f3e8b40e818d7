/** What the VMs of a mechanism are, from the answers to their Deploys, for the manifest. Pure. */
import type { MechanismRun } from '../results/schema.ts';
import type { DeployResponse } from './agent-api.ts';

export type VmAbout = Pick<
  MechanismRun,
  'vmm' | 'accelerator' | 'guest_kernel' | 'kernel' | 'rootfs_key' | 'vms'
>;

export const NOT_DEPLOYED: VmAbout = {
  vmm: '',
  accelerator: '',
  guest_kernel: '',
  kernel: null,
  rootfs_key: null,
  vms: [],
};

interface Deployed {
  readonly function: string;
  readonly response: DeployResponse;
}

/** All VMs of a run have one VMM and one image: what they share is taken from the first. */
export function aboutVms(deployed: readonly Deployed[]): VmAbout {
  const first = deployed[0]?.response;
  if (!first) return NOT_DEPLOYED;
  const { vmm, accelerator, guest_kernel, kernel_variant, kernel_key, series_revision } = first;
  return {
    vmm,
    accelerator,
    guest_kernel,
    kernel:
      kernel_variant !== null && kernel_key !== null
        ? { variant: kernel_variant, series_revision, key: kernel_key }
        : null,
    rootfs_key: first.rootfs_key,
    vms: deployed.map(({ function: name, response }) => ({
      function: name,
      vm_id: response.vm_id,
      vmm_path: response.vmm_path,
      vmm_command: [...response.vmm_command],
    })),
  };
}
