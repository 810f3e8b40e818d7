/** Memory of a VM: either one plain size, or zones; never both. All sizes are bytes. */

export interface MemoryZoneConfig {
  readonly id: string;
  /** From boot on; above zero. */
  readonly size: number;
  readonly file?: string;
  readonly mergeable?: boolean;
  readonly shared?: boolean;
  readonly hugepages?: boolean;
  readonly hugepage_size?: number;
  readonly host_numa_node?: number;
  /** Most that can be plugged on top of `size`; a multiple of 128 MiB. */
  readonly hotplug_size?: number;
  /** The target, not what is plugged; a multiple of 2 MiB. */
  readonly hotplugged_size?: number;
  readonly prefault?: boolean;
  readonly reserve?: boolean;
}

/** As JSON wants it; the command line wants `acpi` and `virtio-mem`. */
export type HotplugMethod = 'Acpi' | 'VirtioMem';

export interface MemoryConfig {
  /** 0 with `zones`. */
  readonly size: number;
  readonly hotplug_method?: HotplugMethod;
  readonly hotplug_size?: number;
  readonly hotplugged_size?: number;
  readonly mergeable?: boolean;
  readonly shared?: boolean;
  readonly hugepages?: boolean;
  readonly hugepage_size?: number;
  readonly prefault?: boolean;
  readonly reserve?: boolean;
  /** Transparent huge pages. Default true. */
  readonly thp?: boolean;
  readonly zones?: readonly MemoryZoneConfig[];
}

export interface BalloonConfig {
  readonly id?: string;
  readonly pci_segment?: number;
  readonly pci_device_id?: number;
  readonly iommu?: boolean;
  readonly size: number;
  readonly deflate_on_oom?: boolean;
  readonly free_page_reporting?: boolean;
}

export interface NumaDistance {
  readonly destination: number;
  readonly distance: number;
}

export interface NumaConfig {
  readonly guest_numa_id: number;
  readonly cpus?: readonly number[];
  readonly distances?: readonly NumaDistance[];
  readonly memory_zones?: readonly string[];
  readonly pci_segments?: readonly number[];
  readonly device_id?: string;
}
