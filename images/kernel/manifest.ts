/** What the cache knows of a finished kernel, and the look at one. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_ARCH, GUEST_ARCHS, type GuestArch } from '../../base/guest-arch.ts';
import { writeWhole } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import {
  describeFiles,
  filesSchema,
  lookAt,
  type CacheLook,
  MANIFEST_NAME,
} from '../cache/cache-entry.ts';
import { TOOLCHAINS } from '../toolchain.ts';
import { SELFTEST_NAME } from './selftest.ts';

const text = z.string().max(4096);

const commonSchema = z.object({
  schema_version: z.literal(1),
  key: text,
  /** Absent in the manifests of earlier versions, which knew no other. */
  arch: z.enum(GUEST_ARCHS).default(DEFAULT_ARCH),
  variant: z.enum(['stock', 'hotmem', 'debug']),
  kernel_version: text,
  /** What `uname -r` says in the guest: version, variant, series revision and the key's start. */
  release: text,
  series_revision: text.nullable(),
  source: z.object({ kind: z.enum(['tarball', 'tree']), path: text, identity: text }),
  patches: z.array(text),
  fragments: z.array(text),
  compiler: text,
  image_bytes: z.number().int().positive(),
  selftest: z.boolean(),
  /** Of the last run of make: less than a cold build when an interrupted one was resumed. */
  build_ms: z.number().nonnegative(),
});

/** `manifest.json` of a kernel. `files` tells size and hash of each file beside it. */
export const kernelManifestSchema = commonSchema.extend({ files: filesSchema });
export type KernelManifest = z.infer<typeof kernelManifestSchema>;

export interface BuiltKernel {
  readonly kernel_path: string;
  readonly manifest: KernelManifest;
  readonly selftest_path: string | null;
}

export const CONFIG_NAME = 'config';

/** Name of the kernel itself: `bzImage`, `Image`. */
export const imageName = (arch: GuestArch): string => TOOLCHAINS[arch].image_target;

/** Names of the files that a kernel is used or told by; build.log may go. */
export function kernelFileNames(arch: GuestArch, selftest: boolean): readonly string[] {
  return [imageName(arch), CONFIG_NAME, ...(selftest ? [SELFTEST_NAME] : [])];
}

/**
 * Looks at the kernel in `dir`. One that an earlier version finished has a manifest without
 * hashes: it is taken by its size once, and its hashes are written down.
 */
export async function lookAtKernel(
  dir: string,
  cache_dir: string,
): Promise<CacheLook<BuiltKernel>> {
  await addHashes(dir, cache_dir).catch(() => undefined);
  const look = await lookAt(dir, kernelManifestSchema, cache_dir);
  if (look.state !== 'ok') return look;
  const { manifest } = look;
  const untold = kernelFileNames(manifest.arch, manifest.selftest).find(
    (name) => !manifest.files[name],
  );
  if (untold !== undefined) {
    return { state: 'damaged', reason: `${MANIFEST_NAME} does not tell of ${untold}` };
  }
  const selftest_path = manifest.selftest ? join(dir, SELFTEST_NAME) : null;
  const kernel = { kernel_path: join(dir, imageName(manifest.arch)), manifest, selftest_path };
  return { state: 'ok', manifest: kernel };
}

async function addHashes(dir: string, cache_dir: string): Promise<void> {
  const path = join(dir, MANIFEST_NAME);
  const parsed: unknown = JSON.parse(await readPlainFile(path));
  if (kernelManifestSchema.safeParse(parsed).success) return;
  const older = commonSchema.strict().parse(parsed);
  const { size } = await stat(join(dir, imageName(older.arch)));
  if (size !== older.image_bytes) return;
  const files = await describeFiles(dir, kernelFileNames(older.arch, older.selftest), cache_dir);
  if (Object.values(files).some(({ bytes }) => bytes === 0)) return;
  await writeWhole(path, manifestText({ ...older, files }));
}

export function manifestText(manifest: KernelManifest): string {
  return jsonDocument(manifest);
}
