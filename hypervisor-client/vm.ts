/**
 * The one interface to a VMM. It knows VMs and regions, nothing of functions or instances. Data
 * fields are snake_case with their unit; all sizes are bytes.
 */
import type { Duplex } from 'node:stream';
import type { Accelerator } from './host/accelerator.ts';
import type { HostProcess } from './host/host-process.ts';
import type { NodeBytes } from './host/numa-maps.ts';

/** The name of a driver; see drivers.ts for those there are. */
export type VmmKind = string;
export type { Accelerator };

/** What a region is at boot: a device of its own, or one of several equal parts of a device. */
export interface RegionSpec {
  /** `[a-z][a-z0-9-]{0,30}`, unique in the VM. */
  readonly id: string;
  /** Multiple of the Linux memory block (128 MiB on x86-64). */
  readonly max_bytes: number;
  /** Requested from boot on: 0, or `max_bytes` for the over-provisioned baseline. */
  readonly initial_bytes: number;
}

/**
 * One virtio-mem device. It has one region, or is cut into several of equal size, which takes a
 * guest that makes partitions of it (`hotmem=DEVICE/N`). A device is told one size only and the
 * guest chooses: it plugs the regions of a device from the first to the last, and gives back those
 * that nobody uses, the last one first.
 */
export interface DeviceSpec {
  /** As of a region, unique among devices; may be the id of its region. */
  readonly id: string;
  /** A guest NUMA node of the device's own (mechanism `numa`), else null. Nodes start at 1. */
  readonly guest_node: number | null;
  /** The host NUMA node that its memory is to come from, and no other; absent or null: any. */
  readonly host_node?: number | null;
  /** In the order in which they lie in the device: 1 to VMM_LIMITS.regions_per_device. */
  readonly regions: readonly RegionSpec[];
}

/** One virtio-blk device that the guest can only read. */
export interface DiskSpec {
  /** By which the guest finds it: `[a-z][a-z0-9-]{0,19}`, unique in the VM. */
  readonly serial: string;
  /** Absolute path of a file with the disk's bytes, a whole number of sectors of 512. */
  readonly path: string;
}

/** The virtio-net device of a VM, on a TAP device of the host that is there, and up, already. */
export interface NicSpec {
  /** Name of the TAP device: a letter, then letters and digits, at most 15 in all. */
  readonly tap: string;
  /** The guest's address on the link, `02:00:00:00:00:01`: for one station, in lower case. */
  readonly mac: string;
  /** Longest packet, which the guest's device takes over: 576 to 65535 bytes. */
  readonly mtu_bytes: number;
}

export interface VmSpec {
  readonly id: string;
  /** Sockets, console and the adoption handle go here; created by the driver, mode 0700. */
  readonly run_dir: string;
  readonly kernel_path: string;
  readonly initrd_path: string;
  /** Kernel arguments; the driver adds only what its own devices need (console). */
  readonly kernel_arguments: readonly string[];
  readonly vcpus: number;
  /** Ordinary memory from boot on, regions not counted. */
  readonly boot_bytes: number;
  readonly devices: readonly DeviceSpec[];
  /**
   * Read-only disks, at most VMM_LIMITS.disks_per_vm; absent: none. Each takes the place of one of
   * the devices that a driver's capabilities tell.
   */
  readonly disks?: readonly DiskSpec[];
  /** Absent: the guest has no network device. It takes the place of one of the devices too. */
  readonly nic?: NicSpec;
  /**
   * Host backing of the devices: `anonymous` (huge pages where the host gives them), `memfd` (4
   * KiB), `huge` (pages of 2 MiB for certain, from the host's pool: HP_VMM_NO_HUGE_PAGES without).
   */
  readonly backing: 'anonymous' | 'memfd' | 'huge';
  readonly accelerator: Accelerator | 'auto';
  /**
   * What is plugged is to have its pages of the host before the guest sees it, where the driver can
   * ({@link Vm.populates_plugged} tells): a plug takes that much longer. Absent: as it is touched.
   */
  readonly populate?: boolean;
}

/** One region as it is. Target and actual are separate fields on purpose. */
export interface Region {
  readonly id: string;
  /** Of the device it lies in, and its place there, counted from 0. */
  readonly device_id: string;
  readonly partition: number;
  readonly max_bytes: number;
  /** The target last accepted by the VMM. */
  readonly requested_bytes: number;
  /**
   * What the guest has really plugged, by the VMM's word. Of a device with several regions the VMM
   * tells the sum: then this is the region's share of it (resize/shares.ts), and what the guest
   * says of its partition is the closer word.
   */
  readonly plugged_bytes: number;
  /** What the VMM process really holds of the host's memory for it. */
  readonly resident_bytes: number;
  /**
   * By the host's word on which of its nodes that lies, by node. Absent: it cannot be told, or was
   * not looked at, as on a host with one node where nobody asked for it.
   */
  readonly node_bytes?: readonly NodeBytes[];
  /** The guest's name of the device, e.g. `0000:00:10.0`: the identity both sides agree on. */
  readonly pci_address: string;
}

/** One device as it is, by the VMM's word. */
export interface Device {
  readonly id: string;
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
}

export type VmRunState = 'starting' | 'running' | 'paused' | 'panicked' | 'stopped';

export interface VmObservation {
  readonly state: VmRunState;
  readonly devices: readonly Device[];
  /** Of all devices, in the order of the specification. */
  readonly regions: readonly Region[];
  /** Resident bytes of the whole VMM process. */
  readonly resident_bytes: number;
  /** Host clock (base/clock.ts) of this look. */
  readonly observed_at_ms: number;
}

/**
 * `done`: plugged = requested and the host sees it. `partial`: the deadline passed with some moved.
 * `refused`: VMM or guest said no and nothing moved. `failed`: the VM or the channel broke.
 */
export type Outcome = 'done' | 'partial' | 'refused' | 'failed';

/** One resize with every time stamp (host clock, ms); null where that point was not reached. */
export interface ResizeResult {
  readonly region_id: string;
  readonly outcome: Outcome;
  readonly before_bytes: number;
  readonly requested_bytes: number;
  readonly plugged_bytes: number;
  /** The host's word of the region, before and at the end; null: it could not be seen. */
  readonly resident_before_bytes: number | null;
  readonly resident_bytes: number | null;
  /** Its turn had come, where one region moves at a time; without a turn: when it was asked for. */
  readonly requested_at_ms: number;
  /** Of the time since then, what belongs to others: they were let go first. 0: it never waited. */
  readonly waited_ms: number;
  readonly accepted_at_ms: number | null;
  readonly plugged_at_ms: number | null;
  /** Unplug only: resident bytes of the region are at most its plugged bytes. */
  readonly resident_at_ms: number | null;
  /** Times the same target was set again because the guest slept on it. */
  readonly nudges: number;
  /** Code and text of the reason when the outcome is not `done`. */
  readonly error_code: string | null;
  readonly reason: string | null;
}

export interface ResizeOptions {
  /** From the call on, waiting for a turn included. */
  readonly deadline_ms: number;
  readonly signal?: AbortSignal;
  /**
   * What is plugged, by the word of a caller for whom somebody waits in the guest: where the driver
   * can, a plug beyond it is sent without a look before it, and is over when the VMM has it. Then
   * what is resident is not looked at (`resident_*_bytes` null).
   */
  readonly known_bytes?: number;
  /**
   * Aborted when somebody waits for what an unplug takes: it ends then as `signal` has it end, and
   * where the driver can at once, as far as it was seen, without a last look (`resident_bytes`
   * null). Its target stays until the next one.
   */
  readonly cut?: AbortSignal;
}

export type VmEvent =
  | {
      readonly type: 'exited';
      readonly at_ms: number;
      readonly code: number | null;
      readonly signal: string | null;
      /** The host's limit around the VMM, where the kernel ended it for going beyond. */
      readonly over_limit_bytes?: number;
    }
  | { readonly type: 'guest-panicked'; readonly at_ms: number }
  | { readonly type: 'guest-reset'; readonly at_ms: number }
  /** Plugged bytes of a whole device, whatever regions it has. */
  | {
      readonly type: 'device-size';
      readonly at_ms: number;
      readonly device_id: string;
      readonly plugged_bytes: number;
    };

/** Enough to find a living VM again after its owner died. Plain JSON, kept in `run_dir`. */
export interface VmHandle {
  /** 2 has devices; what was written as 1 (a device a region) is read as 2. */
  readonly schema_version: 2;
  readonly vmm: VmmKind;
  readonly pid: number;
  /**
   * Start time of the process in clock ticks (/proc/PID/stat field 22): guards against pid reuse.
   */
  readonly pid_start_ticks: number;
  /** The user that the VMM runs as; absent: that of its owner. */
  readonly uid?: number;
  /** The memory cgroup made for its VMM; absent: none, or an earlier version did not say. */
  readonly cgroup?: string;
  readonly spec: VmSpec;
}

export interface Vm {
  readonly id: string;
  readonly handle: VmHandle;
  readonly accelerator: Accelerator;
  /** The guest's console, from the first byte on. */
  readonly console_path: string;
  /**
   * The driver's word that every block which the guest plugs reads zero, until the guest writes to
   * it: what it had there before was discarded, and who could not be was not let go. Only then may
   * a guest rely on it. False: that is not known of this VMM and backing.
   */
  readonly plugged_reads_zero: boolean;
  /**
   * The driver's word that every block has its pages of the host when its plug is done, whoever
   * touches it, and that a plug which gets none of them does not succeed. False: pages come as they
   * are touched.
   */
  readonly populates_plugged: boolean;
  observe(): Promise<VmObservation>;
  /**
   * Resident bytes of the whole VMM process by the host's word alone: also told of a VMM that does
   * not answer. Throws HP_VMM_GONE when there is no process any more.
   */
  residentBytes(): number;
  /**
   * Sets the target of one region and waits until it is reached and seen by the host, or the
   * deadline passes. Never throws for what a guest can do (that is an outcome); throws
   * HotplaneError for a bad argument (unknown region, misaligned, above maximum, below zero).
   *
   * A region of a device with several has all or nothing. They move one after another, in the order
   * of the guest: a plug of another than the first unplugged one is refused, and an unplug that the
   * deadline ends is withdrawn. Which idle region the guest gives back is its choice: nobody is to
   * plug a region that is not used at once while another one of its device is unplugged.
   */
  resizeRegion(id: string, bytes: number, options: ResizeOptions): Promise<ResizeResult>;
  /** Events from now on; ends when the VM is gone or `signal` aborts. A hint, never the truth. */
  events(signal?: AbortSignal): AsyncIterable<VmEvent>;
  /** The byte stream to the guest's agent. One at a time; a second call closes the first. */
  guestChannel(): Promise<Duplex>;
  /** Ends the VM: politely, then by force. Idempotent. Nothing of it is left running. */
  shutdown(): Promise<void>;
  /** Closes our sockets and leaves the VM running, to be adopted later. */
  release(): Promise<void>;
}

export interface Capabilities {
  readonly vmm: VmmKind;
  readonly version: string;
  readonly accelerator: Accelerator;
  readonly devices_per_vm: number;
  readonly regions_per_vm: number;
  /** Whether the VMM tells what is plugged of each device, or the sum of all. */
  readonly plugged_per_device: boolean;
  /** So many times longer than usual a guest may take to start anything; absent: once. */
  readonly slowness?: number;
}

/** How a VM is started. */
export interface LaunchOptions {
  readonly signal?: AbortSignal;
  /**
   * Makes the TAP device of its network, which is to be that user's: the one its VMM runs as.
   * Absent: the device is there, and is ours.
   */
  readonly makeTap?: (owner_uid: number) => Promise<void>;
}

export interface Hypervisor {
  readonly kind: VmmKind;
  /** Finds the binary and its version, probes the accelerator. Throws HP_VMM_* when unusable. */
  probe(): Promise<Capabilities>;
  /** Starts a VM; resolves when the VMM answers (the guest may still be booting). */
  launch(spec: VmSpec, options?: LaunchOptions): Promise<Vm>;
  /** Takes over a VM that outlived its owner. Throws HP_VMM_GONE when it is not there any more. */
  adopt(handle: VmHandle): Promise<Vm>;
  /** Whether a process runs a VMM that this driver starts. Pure. */
  runs(process: HostProcess): boolean;
}
