/** What the conformance suite must know of a hypervisor. One small adapter per target. */
import type { Hypervisor, Region, Vm, VmSpec } from '../../vm.ts';
import type { DriverProfile } from './profiles.ts';

export interface TargetImage {
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly kernel_arguments: readonly string[];
}

/** A disk as the guest has it. */
export interface DiskLook {
  readonly read_only: boolean;
  /** Its bytes up to the first line feed. */
  readonly first_line: string;
}

/** The network device as the guest has it. */
export interface NicLook {
  readonly mac: string;
  readonly mtu_bytes: number;
}

/** The suite's hand inside a guest. Real guests run guest/init.c, see `takeGuest`. */
export interface GuestHand {
  /** Touches that much anonymous memory and keeps it until `free`. */
  hold(bytes: number): Promise<void>;
  /** Touches memory until no more than `keep_bytes` are free in the guest. */
  fill(keep_bytes: number): Promise<void>;
  /** Gives back everything held. */
  free(): Promise<void>;
  /** Looks at the disk with that serial. */
  disk(serial: string): Promise<DiskLook>;
  /** Looks for a network device; null: it has none. */
  nic(): Promise<NicLook | null>;
  panic(): void;
  reboot(): void;
}

/** The hand in a guest that makes partitions of its devices. */
export interface PartitionHand {
  /** Starts a process that lives in the region and touches some of it; it must be plugged. */
  occupy(region: Region): Promise<void>;
  /** Ends that process. */
  leave(region: Region): Promise<void>;
  /**
   * Null or absent: this guest has no memory whose bytes can be looked at, or a kernel that clears
   * what it hands out whatever it is told, and the behaviour is not asked for.
   */
  readonly bytes?: ByteHand | null;
}

/** What a guest finds in memory that was just plugged. */
export interface ByteHand {
  /** From now on the guest clears nothing of what was just plugged; nothing is plugged yet. */
  trust(): Promise<void>;
  /**
   * Starts a process that lives in the region and writes to each page of most of it; true: every
   * byte of them was zero before. {@link PartitionHand.leave} ends it.
   */
  fill(region: Region): Promise<boolean>;
}

/** Guests that make partitions of their devices (`hotmem=DEVICE/N`). */
export interface PartitionTarget {
  /** An image whose guest makes so many of each device. */
  image(regions_per_device: number): Promise<TargetImage>;
  guest(vm: Vm): Promise<PartitionHand>;
}

export interface Target {
  /** Its title stands in the titles of the tests; the rest is asserted. */
  readonly profile: DriverProfile;
  hypervisor(): Hypervisor;
  /** An image whose guest can be taken by the hand. */
  image(): Promise<TargetImage>;
  /** Waits until the guest is up, and takes it by the hand through its channel. */
  guest(vm: Vm): Promise<GuestHand>;
  /**
   * Makes a TAP device, which is the caller's to remove. Null or absent: this host cannot make any,
   * and the behaviour of one is not asked for.
   */
  readonly tap?: (() => Promise<string>) | null;
  /** Null: no such guest here, and its behaviours are not asked for. */
  readonly partitions: PartitionTarget | null;
  readonly vcpus: number;
  readonly backing: VmSpec['backing'];
  /** Regions of the VM in which many are plugged at once. */
  readonly many_regions: number;
  /** The longest time one plug or unplug may take here. */
  readonly resize_ms: number;
}

/** A target with guests that make partitions. */
export type PartitionedTarget = Target & { readonly partitions: PartitionTarget };
