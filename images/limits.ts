/** Limits of building, keeping and downloading images. */
export const IMAGE_LIMITS = {
  /** Kernels of a cache that are looked at; far more than the versions anybody keeps. */
  cached_kernels: 64,
  /** Of one program: each change of its sources or of the compiler leaves one behind. */
  cached_programs: 256,
  /** Downloading or unpacking one Debian package. */
  package_download_ms: 300_000,
  /** What a command in the nested machine may print. */
  nested_output_bytes: 16 * 1024 * 1024,
} as const;
