/** What the server says of itself and of its VM. */
import type { VmConfig } from './vm-config.ts';

export interface VmmPing {
  /** `53.0.0` */
  readonly version: string;
  readonly build_version?: string;
  readonly pid?: number;
  /** Features built in: `kvm`, `io_uring`, `guest_debug`, ... */
  readonly features?: readonly string[];
}

export type VmState = 'Created' | 'Running' | 'Shutdown' | 'Paused' | 'BreakPoint';

export interface DeviceNode {
  readonly id: string;
  readonly resources?: readonly unknown[];
  readonly parent?: string;
  readonly children?: readonly string[];
  /** Of the node `_virtio-pci-<device>`: where the guest sees the device. */
  readonly pci_bdf?: string;
}

export interface VmInfo {
  readonly config: VmConfig;
  readonly state: VmState;
  /**
   * Boot memory less balloon plus everything plugged, summed over the VM. Real since v52; before,
   * an echo of what was requested.
   */
  readonly memory_actual_size: number;
  /** Only while the VM is built. */
  readonly device_tree?: Readonly<Record<string, DeviceNode>>;
}

/** Per device, per counter. Only block and net devices have any. */
export type VmCounters = Readonly<Record<string, Readonly<Record<string, number>>>>;
