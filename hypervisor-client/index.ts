/** Public interface: one way to drive microVMs and their memory regions, whatever the VMM. */
export type * from './vm.ts';
/** As it is called in the package; inside, the agent's rows of VMs have that name. */
export type { VmRunState as VmState } from './vm.ts';
export type { DriverName, HypervisorOptions } from './drivers.ts';
export { openDrivers, openHypervisor, openNamed, type HypervisorChoice } from './open.ts';
export { VMM_ERROR_CODES, type VmmErrorCode } from './errors.ts';
export { parseHandle, readHandle } from './lifecycle/run-dir.ts';
export { chooseAccelerator, probeAccelerator, type AcceleratorProbe } from './host/accelerator.ts';
export { QemuDriver, type QemuOptions } from './qemu/driver.ts';
export { QmpClient, type QmpCallOptions } from './qemu/qmp.ts';
export type { QmpEvent } from './qemu/qmp-message.ts';
export {
  CH_ERROR_CODES,
  CloudHypervisor,
  CloudHypervisorDriver,
  type CloudHypervisorDriverOptions,
  EventMonitor,
  isChError,
} from './cloud-hypervisor/index.ts';
/** Everything of the Cloud Hypervisor client, its wire types included. */
export * as cloudHypervisor from './cloud-hypervisor/index.ts';
/** A fake Cloud Hypervisor for tests. */
export * as cloudHypervisorFake from './testing/fake-cloud-hypervisor/index.ts';
