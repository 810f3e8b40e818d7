/** The guest's root file system: an initramfs with the init and the workload program. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { z } from 'zod';
import {
  describeFiles,
  filesSchema,
  lookAt,
  makeEntry,
  MANIFEST_NAME,
} from '../cache/cache-entry.ts';
import type { GuestArch } from '../../base/guest-arch.ts';
import { contentKey } from '../cache/content-hash.ts';
import { type CpioEntry, directory, file, writeCpio } from './cpio.ts';
import { ensureGuestProgram, ensureSupervisor } from './programs.ts';
import { jsonDocument } from '../../base/json.ts';

const gzipAsync = promisify(gzip);

const INITRD_NAME = 'initrd.cpio.gz';
const manifestSchema = z.object({ schema_version: z.literal(1), files: filesSchema });

const DIRECTORIES = ['bin', 'dev', 'proc', 'run', 'sys', 'tmp'] as const;

export interface RootfsOptions {
  readonly cache_dir: string;
  /** False: throw HP_IMAGE_NOT_BUILT instead of compiling what goes into it. Default: true. */
  readonly build?: boolean;
  /** Of its programs. Default: x86-64. */
  readonly arch?: GuestArch;
  /** Further programs, by their path inside, e.g. `bin/hotmem-selftest`. */
  readonly extra_programs?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

export interface Rootfs {
  readonly initrd_path: string;
  readonly key: string;
}

/** Builds it, or finds it in the cache. Two builds at once write the same bytes. */
export async function ensureRootfs(options: RootfsOptions): Promise<Rootfs> {
  const runtime = await ensureSupervisor(options);
  const paths: Record<string, string> = {
    init: await ensureGuestProgram('init', options),
    'bin/workload': await ensureGuestProgram('workload', options),
    ...(runtime === null ? {} : { 'bin/runtime': runtime }),
    ...options.extra_programs,
  };
  const programs: Record<string, Buffer> = {};
  for (const [name, path] of Object.entries(paths)) programs[name] = await readFile(path);
  const archive = writeCpio(rootfsEntries(programs));
  const key = contentKey({ archive });
  const { cache_dir } = options;
  const finished = join(cache_dir, 'rootfs', key);
  const rootfs = { initrd_path: join(finished, INITRD_NAME), key };
  const isGood = async (): Promise<boolean> => await isRootfsThere(cache_dir, key);
  if (await isGood()) return rootfs;
  await makeEntry(finished, isGood, async (work) => {
    await writeFile(join(work, INITRD_NAME), await gzipAsync(archive, { level: 6 }));
    const files = await describeFiles(work, [INITRD_NAME], cache_dir);
    const manifest: z.infer<typeof manifestSchema> = { schema_version: 1, files };
    await writeFile(join(work, MANIFEST_NAME), jsonDocument(manifest));
  });
  return rootfs;
}

/** Whether the root file system with this key is in the cache and whole. */
export async function isRootfsThere(cache_dir: string, key: string): Promise<boolean> {
  const look = await lookAt(join(cache_dir, 'rootfs', key), manifestSchema, cache_dir);
  return look.state === 'ok' && look.manifest.files[INITRD_NAME] !== undefined;
}

/** Entries of the archive for these programs. Pure. */
export function rootfsEntries(
  programs: Readonly<Record<string, Uint8Array>>,
): readonly CpioEntry[] {
  return [
    ...DIRECTORIES.map((path) => directory(path)),
    /* The kernel opens it for the init before anything is mounted. */
    { type: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { type: 'character-device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
    ...Object.keys(programs)
      .toSorted()
      .map((path) => file(path, programs[path] ?? new Uint8Array(), 0o755)),
  ];
}
