/** Small wire types of the REST API that several groups share. Names are the server's own. */

/** Where a device sits on the PCI bus of the guest. */
export interface PciDeviceInfo {
  readonly id: string;
  /** `0000:00:05.0` */
  readonly bdf: string;
}

/** Fields that every PCI device configuration takes. */
export interface PciDeviceCommon {
  /** Unique over all devices and memory zones; must not start with `__`. */
  readonly id?: string;
  readonly iommu?: boolean;
  readonly pci_segment?: number;
  readonly pci_device_id?: number;
}

export interface TokenBucket {
  readonly size: number;
  readonly one_time_burst?: number;
  /** Milliseconds. */
  readonly refill_time: number;
}

export interface RateLimiterConfig {
  readonly bandwidth?: TokenBucket;
  readonly ops?: TokenBucket;
}

export interface RateLimitGroupConfig {
  readonly id: string;
  readonly rate_limiter_config: RateLimiterConfig;
}

export interface VirtQueueAffinity {
  readonly queue_index: number;
  readonly host_cpus: readonly number[];
}
