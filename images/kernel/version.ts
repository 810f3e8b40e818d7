/** Which kernel a source tree is. */
import { join } from 'node:path';
import { readPlainFile } from '../../base/plain-file.ts';
import { imageError } from '../errors.ts';

/** The line the config fragments and the series are written for. */
export const KERNEL_LINE = '6.12';

/** Reads `6.12.117` out of the top Makefile of a tree; null when it is no kernel's. Pure. */
export function parseKernelVersion(makefile: string): string | null {
  const field = (name: string): string | null =>
    new RegExp(`^${name}[ \\t]*=[ \\t]*(\\S*)[ \\t]*$`, 'm').exec(makefile)?.[1] ?? null;
  const [version, level, sub] = [field('VERSION'), field('PATCHLEVEL'), field('SUBLEVEL')];
  if (!version || !level) return null;
  return [version, level, ...(sub ? [sub] : [])].join('.');
}

/** Whether a version is of the line the series is written for. Pure. */
export function isOfLine(version: string): boolean {
  return version === KERNEL_LINE || version.startsWith(`${KERNEL_LINE}.`);
}

/** Version of a tree of any line; null when its Makefile is none of Linux. */
export async function readKernelVersion(tree: string): Promise<string | null> {
  const makefile = await readPlainFile(join(tree, 'Makefile')).catch((cause: unknown) => {
    throw imageError(
      'HP_IMAGE_KERNEL_SOURCE',
      `${tree} has no Makefile, so it is no kernel source tree.`,
      { next: 'Name the top folder of an unpacked Linux source.', cause },
    );
  });
  return parseKernelVersion(makefile);
}

/** Version of the tree; throws HP_IMAGE_KERNEL_VERSION when it is none we can build. */
export async function kernelVersion(tree: string): Promise<string> {
  const version = await readKernelVersion(tree);
  if (version !== null && isOfLine(version)) return version;
  throw imageError(
    'HP_IMAGE_KERNEL_VERSION',
    version
      ? `${tree} is Linux ${version}; hotplane builds Linux ${KERNEL_LINE}.`
      : `${tree} has a Makefile without a Linux version; hotplane builds Linux ${KERNEL_LINE}.`,
    {
      next: `Name a Linux ${KERNEL_LINE} tree with --kernel-tree, or leave it out to use Debian's.`,
      details: { found: version, wanted: KERNEL_LINE },
    },
  );
}
