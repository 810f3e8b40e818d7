/** Devices of a VM, at creation and added later. */
import type { PciDeviceCommon, RateLimiterConfig, VirtQueueAffinity } from './common.ts';

export type ImageType = 'FixedVhd' | 'Qcow2' | 'Raw' | 'Vhdx' | 'Unknown';

export interface DiskConfig extends PciDeviceCommon {
  readonly path?: string;
  readonly readonly?: boolean;
  readonly direct?: boolean;
  readonly num_queues?: number;
  readonly queue_size?: number;
  readonly vhost_user?: boolean;
  readonly vhost_socket?: string;
  readonly rate_limiter_config?: RateLimiterConfig;
  readonly rate_limit_group?: string;
  readonly serial?: string;
  readonly queue_affinity?: readonly VirtQueueAffinity[];
  readonly backing_files?: boolean;
  readonly sparse?: boolean;
  readonly image_type?: ImageType;
  readonly lock_granularity?: 'ByteRange' | 'Full';
}

/** File descriptors cannot be passed by this client: name a tap device. */
export interface NetConfig extends PciDeviceCommon {
  readonly tap?: string;
  readonly ip?: string;
  readonly mask?: string;
  readonly mac?: string;
  readonly host_mac?: string;
  readonly mtu?: number;
  readonly num_queues?: number;
  readonly queue_size?: number;
  readonly vhost_user?: boolean;
  readonly vhost_socket?: string;
  readonly vhost_mode?: 'Client' | 'Server';
  readonly rate_limiter_config?: RateLimiterConfig;
  readonly offload_tso?: boolean;
  readonly offload_ufo?: boolean;
  readonly offload_csum?: boolean;
}

export interface FsConfig {
  readonly id?: string;
  readonly pci_segment?: number;
  readonly pci_device_id?: number;
  readonly tag: string;
  readonly socket: string;
  readonly num_queues: number;
  readonly queue_size: number;
}

export interface GenericVhostUserConfig {
  readonly id?: string;
  readonly pci_segment?: number;
  readonly pci_device_id?: number;
  readonly socket: string;
  readonly queue_sizes: readonly number[];
  readonly device_type: number;
}

export interface PmemConfig extends PciDeviceCommon {
  readonly file: string;
  readonly size?: number;
  readonly discard_writes?: boolean;
}

/** A VFIO device by its sysfs path. */
export interface DeviceConfig extends PciDeviceCommon {
  readonly path?: string;
  readonly x_nv_gpudirect_clique?: number;
  readonly x_exclude_mmap_bars?: readonly number[];
}

/** A vfio-user device by its socket. */
export interface UserDeviceConfig {
  readonly id?: string;
  readonly pci_segment?: number;
  readonly pci_device_id?: number;
  readonly socket: string;
}

export interface VdpaConfig extends PciDeviceCommon {
  readonly path: string;
  readonly num_queues: number;
}

export interface VsockConfig extends PciDeviceCommon {
  /** At least 3. */
  readonly cid: number;
  /** Must not exist when the device is created. */
  readonly socket: string;
}

export interface RngConfig extends PciDeviceCommon {
  readonly src: string;
}

export type ConsoleMode = 'Off' | 'Pty' | 'Tty' | 'File' | 'Socket' | 'Null';

/** `file` and `socket` must be there when the mode needs them: the server does not check first. */
export interface SerialConfig {
  readonly mode: ConsoleMode;
  readonly file?: string;
  readonly socket?: string;
}

/** Default mode is `Tty`, which takes the server's own stdout: always set it. */
export interface ConsoleConfig extends PciDeviceCommon {
  readonly mode: ConsoleMode;
  readonly file?: string;
  readonly socket?: string;
}

export interface DebugConsoleConfig {
  readonly mode: ConsoleMode;
  readonly file?: string;
  readonly iobase?: number;
}
