import type { VmSpec } from '../../../hypervisor-client/vm.ts';

/** The least VM there is, for tests of what surrounds one. */
export const leastVm = (run_dir: string): VmSpec => ({
  id: 'vm',
  run_dir,
  kernel_path: '/kernel',
  initrd_path: '/initrd',
  kernel_arguments: [],
  vcpus: 1,
  boot_bytes: 0,
  devices: [],
  backing: 'anonymous',
  accelerator: 'auto',
});
