/** Where guests come from. Made ready before the agent serves: Deploy never builds anything. */
import type { DiskSpec } from '../../hypervisor-client/vm.ts';
import type { FunctionSpec } from '../model/spec.ts';
import type { VmFacts } from '../model/state.ts';

export interface GuestImage {
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly kernel_arguments: readonly string[];
  /** What the program of the spec is made of; absent: it has none. */
  readonly disks?: readonly DiskSpec[];
  /** Absent for an image that hotplane did not build. */
  readonly identity?: ImageIdentity;
}

/** Exactly which kernel and root file system an image is, for records. */
export type ImageIdentity = Pick<
  VmFacts,
  'kernel_variant' | 'kernel_key' | 'series_revision' | 'rootfs_key'
>;

export interface GuestImages {
  /**
   * The image for one function; throws a HotplaneError when there is none (say how to build). Where
   * its guest makes partitions, it makes `regions_per_device` of each device; default: 1.
   */
  imageFor(spec: FunctionSpec, regions_per_device?: number): Promise<GuestImage>;
}
