/** This package as its users get it: packed, unpacked into `node_modules` of another project. */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { execa } from 'execa';
import { z } from 'zod';
import { hostClock } from '../../base/clock.ts';
import { tryLockFile } from '../../base/file-lock.ts';
import { writeWhole } from '../../base/files.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';

const packedSchema = z.tuple([
  z.object({
    filename: z.string(),
    size: z.number(),
    files: z.array(z.object({ path: z.string() })),
  }),
]);
type Packed = z.infer<typeof packedSchema>[0];

export interface Installed {
  /** A project that depends on the package; its sources go in here. */
  readonly folder: string;
  /** Where the package lies in it: below node_modules, and no link. */
  readonly package_dir: string;
  readonly tarball_bytes: number;
  readonly file_names: readonly string[];
}

/**
 * Installs what is packed once for all test files. Its dependencies are links to ours, so that no
 * registry is asked; the package itself is unpacked, as npm does it.
 */
export async function installPackage(t: ExecutionContext): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-package-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const modules = join(folder, 'node_modules');
  const package_dir = join(modules, 'hotplane');
  await mkdir(package_dir, { recursive: true });
  const { size, files } = await unpackInto(package_dir);
  for (const name of await readdir(join(PROJECT_ROOT, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    await symlink(join(PROJECT_ROOT, 'node_modules', name), join(modules, name));
  }
  return { folder, package_dir, tarball_bytes: size, file_names: files.map(({ path }) => path) };
}

/** The package of these sources is kept here until there are others. */
const PACKED = join(PROJECT_ROOT, 'node_modules', '.cache', 'hotplane-packed');
const PACK_MS = 240_000;

/** One at a time: packing builds dist/ anew, and what was packed of other sources is removed. */
async function unpackInto(folder: string): Promise<Packed> {
  await mkdir(PACKED, { recursive: true });
  const lock = await waitFor(
    async () => {
      const held = await tryLockFile(join(PACKED, 'lock'), `${process.pid}`);
      return typeof held === 'string' ? null : held;
    },
    { clock: hostClock, deadline_ms: PACK_MS + 60_000, longest_pause_ms: 200 },
  );
  if (lock === null) throw new Error('another test file packs and packs');
  try {
    const packed = await packedOnce();
    await execa('tar', ['-xzf', join(PACKED, packed.filename), '--strip-components=1'], {
      cwd: folder,
    });
    return packed;
  } finally {
    await lock.release();
  }
}

async function packedOnce(): Promise<Packed> {
  const note = join(PACKED, `${await sourcesKey()}.json`);
  const known = await readFile(note, 'utf8').catch(() => null);
  if (known !== null) return packedSchema.parse(JSON.parse(known))[0];
  for (const name of await readdir(PACKED)) {
    if (name !== 'lock') await rm(join(PACKED, name));
  }
  const { stdout } = await execa('npm', ['pack', '--json', '--pack-destination', PACKED], {
    cwd: PROJECT_ROOT,
    timeout: PACK_MS,
  });
  const text = stdout.slice(stdout.indexOf('[\n'));
  const [packed] = packedSchema.parse(JSON.parse(text));
  await writeWhole(note, text);
  return packed;
}

/** All that a package is made of: what lies in these folders and in the root, and the commit. */
const SOURCES =
  '{agent,autoscaler,base,bench,bin,cli,guest,guest-kernel-patches,hypervisor-client,images,setup}';

async function sourcesKey(): Promise<string> {
  const hash = createHash('sha256');
  const found = globSync([`${SOURCES}/**`, '*.{json,md}', 'LICENSE'], {
    cwd: PROJECT_ROOT,
    withFileTypes: true,
  });
  const paths = found
    .filter((entry) => entry.isFile())
    .map((one) => join(one.parentPath, one.name));
  for (const path of paths.toSorted()) {
    hash
      .update(`${path}\0`)
      .update(await readFile(path))
      .update('\0');
  }
  // dist/package.json names the commit, and whether there are changes to it.
  const git = await execa('git', ['describe', '--always', '--dirty', '--exclude=*'], {
    cwd: PROJECT_ROOT,
    reject: false,
  });
  return hash.update(git.stdout).digest('hex').slice(0, 24);
}
