import { type CodeInfo, errorMaker, type HotplaneError } from '../base/errors.ts';

/** Codes of everything that can go wrong while a guest kernel or image is built. */
export const IMAGE_CODES = {
  HP_IMAGE_NOT_BUILT: {
    category: 'unavailable',
    meaning: 'A guest kernel or image is not in the cache, or is damaged there.',
    next: "run 'hotplane images build', then try again; nothing else has to be started anew.",
  },
  HP_IMAGE_KERNEL_SOURCE: {
    category: 'unavailable',
    meaning: 'There is no source of the guest kernel.',
    next: 'install linux-source-6.12, or name an unpacked tree with --kernel-tree.',
  },
  HP_IMAGE_KERNEL_VERSION: {
    category: 'usage',
    meaning: 'The kernel source is of another version.',
    next: 'name a tree of the version in the message, or leave --kernel-tree out.',
  },
  HP_IMAGE_KERNEL_CONFIG: {
    category: 'failure',
    meaning: 'Options of the configuration did not take effect.',
    next: 'Mend the fragments in guest-kernel-patches/config: an option they depend on is missing.',
  },
  HP_IMAGE_SERIES: {
    category: 'unavailable',
    meaning: 'The kernel series is not complete.',
    next: 'Check that guest-kernel-patches/ is complete (git status), or build variant stock.',
  },
  HP_IMAGE_PATCH_FAILED: {
    category: 'failure',
    meaning: 'A patch of the series does not apply.',
    next:
      'Build from the kernel version the series names, or refresh the series for this one: ' +
      "'git am -3' in a clone that has the objects of that version shows what moved.",
  },
  HP_IMAGE_TOOL_MISSING: {
    category: 'unavailable',
    meaning: 'A build tool is not installed.',
    next: 'install what setup/debian-packages.json names.',
  },
  HP_IMAGE_BUILD_FAILED: {
    category: 'failure',
    meaning: 'A build failed; its log is named.',
    next: 'read the log, mend what it names, and run the same command again.',
  },
  HP_IMAGE_EXPORT: {
    category: 'conflict',
    meaning: 'The folder to export into holds something already.',
    next: 'name a new folder with --out.',
  },
  HP_IMAGE_CACHE_PATH: {
    category: 'usage',
    meaning:
      'No kernel can be built in a folder of that name: make(1) and shells read its letters.',
    next: 'Set HOTPLANE_CACHE to a folder whose path is of letters, digits and -_.+,@= only.',
  },
  HP_IMAGE_LOCK_TIMEOUT: {
    category: 'timeout',
    meaning: 'Another build of the same holds its lock.',
    next: 'Wait for that build to end, or stop it, and run the same command again.',
  },
  HP_IMAGE_INTERRUPTED: {
    category: 'interrupted',
    meaning: 'The build was interrupted.',
    next: 'Run the same command again: the build resumes where it stopped.',
  },
  HP_IMAGE_PACKAGE: {
    category: 'unavailable',
    meaning: 'A Debian package for the nested machine could not be had.',
    next: "run 'apt-get update' and try again; the nested machine needs Debian's kernel package.",
  },
  HP_IMAGE_ARCHIVE: {
    category: 'usage',
    meaning: 'A function is in an archive or folder that is damaged, hostile or too large.',
    next: 'look at what the message names; nothing was unpacked from it.',
  },
  HP_IMAGE_NO_FUNCTION: {
    category: 'usage',
    meaning: 'No function of that name was built or imported on this host.',
    next: 'build or import it on this host, or correct the name.',
  },
  HP_IMAGE_NESTED: {
    category: 'failure',
    also: ['timeout'],
    meaning: 'The nested machine ended before its command, or the deadline (`timeout`) passed.',
    next: 'its console follows in the details; a longer deadline helps a slow host.',
  },
} as const satisfies Record<string, CodeInfo>;

export type ImageErrorCode = keyof typeof IMAGE_CODES;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const imageError = errorMaker<ImageErrorCode>(IMAGE_CODES);

/** HP_IMAGE_NOT_BUILT for what was looked for at `path`: not there, or damaged as `damage` says. */
export function notBuilt(what: string, path: string, damage: string | null = null): HotplaneError {
  const state = damage === null ? 'is not in the cache' : `is damaged (${damage})`;
  return imageError('HP_IMAGE_NOT_BUILT', `${what} ${state}: ${path}.`, {
    details: { path, damage },
  });
}
