/** Where guests come from. Made ready before the agent serves: Deploy never builds anything. */
import type { FunctionSpec } from '../core/spec.ts';

export interface GuestImage {
  readonly kernel_path: string;
  readonly initrd_path: string;
  readonly kernel_arguments: readonly string[];
}

export interface GuestImages {
  /** The image for one function; throws a HotplaneError when there is none (say how to build). */
  imageFor(spec: FunctionSpec): Promise<GuestImage>;
}
