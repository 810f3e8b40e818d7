/** The configuration of a VM as `vm.create` takes it and `vm.info` gives it back. */
import type { PciDeviceCommon, RateLimitGroupConfig } from './common.ts';
import type {
  ConsoleConfig,
  DebugConsoleConfig,
  DeviceConfig,
  DiskConfig,
  FsConfig,
  GenericVhostUserConfig,
  NetConfig,
  PmemConfig,
  RngConfig,
  SerialConfig,
  UserDeviceConfig,
  VdpaConfig,
  VsockConfig,
} from './devices.ts';
import type { BalloonConfig, MemoryConfig, NumaConfig } from './memory.ts';

export interface CpuTopology {
  readonly threads_per_core: number;
  readonly cores_per_die: number;
  readonly dies_per_package: number;
  readonly packages: number;
}

export interface CpusConfig {
  readonly boot_vcpus: number;
  readonly max_vcpus: number;
  readonly topology?: CpuTopology;
  readonly kvm_hyperv?: boolean;
  readonly max_phys_bits?: number;
  /** Default true: the guest sees the host's vmx or svm. */
  readonly nested?: boolean;
  readonly affinity?: readonly { readonly vcpu: number; readonly host_cpus: readonly number[] }[];
  readonly features?: { readonly amx?: boolean };
  readonly core_scheduling?: 'Vm' | 'Vcpu' | 'Off';
}

/** Absolute paths. `firmware` excludes `kernel`. */
export interface PayloadConfig {
  readonly firmware?: string;
  /** PVH ELF `vmlinux`, or a bzImage since v39. */
  readonly kernel?: string;
  readonly cmdline?: string;
  readonly initramfs?: string;
  readonly igvm?: string;
  readonly host_data?: string;
}

export interface PciSegmentConfig {
  readonly pci_segment: number;
  readonly mmio32_aperture_weight?: number;
  readonly mmio64_aperture_weight?: number;
}

export interface PlatformConfig {
  readonly num_pci_segments?: number;
  readonly iommu_segments?: readonly number[];
  readonly iommu_address_width_bits?: number;
  readonly system_serial_number?: string;
  readonly system_uuid?: string;
  readonly oem_strings?: readonly string[];
  readonly system_manufacturer?: string;
  readonly system_product_name?: string;
  readonly system_version?: string;
  readonly system_family?: string;
  readonly system_sku_number?: string;
  readonly chassis_asset_tag?: string;
  readonly tdx?: boolean;
  readonly sev_snp?: boolean;
  readonly iommufd?: boolean;
  readonly vfio_p2p_dma?: boolean;
}

export interface LandlockConfig {
  readonly path: string;
  /** Some of `r` and `w`. */
  readonly access: string;
}

/** Unknown fields are ignored by the server: a typo passes silently. */
export interface VmConfig {
  readonly payload: PayloadConfig;
  readonly cpus?: CpusConfig;
  readonly memory?: MemoryConfig;
  readonly rate_limit_groups?: readonly RateLimitGroupConfig[];
  readonly disks?: readonly DiskConfig[];
  readonly net?: readonly NetConfig[];
  readonly rng?: RngConfig;
  readonly balloon?: BalloonConfig;
  readonly fs?: readonly FsConfig[];
  readonly generic_vhost_user?: readonly GenericVhostUserConfig[];
  readonly pmem?: readonly PmemConfig[];
  readonly serial?: SerialConfig;
  readonly console?: ConsoleConfig;
  readonly debug_console?: DebugConsoleConfig;
  readonly devices?: readonly DeviceConfig[];
  readonly user_devices?: readonly UserDeviceConfig[];
  readonly vdpa?: readonly VdpaConfig[];
  readonly vsock?: VsockConfig;
  readonly numa?: readonly NumaConfig[];
  readonly iommu?: boolean;
  readonly watchdog?: boolean;
  readonly rtc?: PciDeviceCommon;
  readonly pvpanic?: boolean;
  readonly pci_segments?: readonly PciSegmentConfig[];
  readonly platform?: PlatformConfig;
  readonly tpm?: { readonly socket: string };
  readonly landlock_enable?: boolean;
  readonly landlock_rules?: readonly LandlockConfig[];
}
