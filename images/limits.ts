/** Limits of building, keeping and downloading images. */
import { assert } from '../base/assert.ts';
import { LIMITS } from '../base/limits.ts';

export const IMAGE_LIMITS = {
  /** Kernels of a cache that are looked at; far more than the versions anybody keeps. */
  cached_kernels: 64,
  /** Of one program: each change of its sources or of the compiler leaves one behind. */
  cached_programs: 256,
  /** One tool of a build: all of `make` on a slow host is one. */
  build_tool_ms: 14_400_000,
  /** What one tool of a build may say: its log stays on the disk. */
  build_output_bytes: 256 * 1024 * 1024,
  /** Downloading or unpacking one Debian package. */
  package_download_ms: 300_000,
  /** What apt says of the packages that it would fetch. */
  apt_output_bytes: 4 * 1024 * 1024,
  /** What a command in the nested machine may print. */
  nested_output_bytes: 16 * 1024 * 1024,
} as const;

assert(
  LIMITS.image_build_ms < IMAGE_LIMITS.build_tool_ms,
  'who waits for a build gives up before its tool is ended',
);
