/**
 * Base runtimes: what a language needs, as one read-only image that all its functions share. Made
 * of Debian packages once and kept by their versions, without root's rights or scripts of theirs.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { assert } from '../../base/assert.ts';
import { writeWhole } from '../../base/files.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { type Progress, silentProgress } from '../../base/progress.ts';
import { contentKey } from '../cache/content-hash.ts';
import { notBuilt } from '../errors.ts';
import { findPackage, makePackage, type Package } from '../packages/package.ts';
import type { Blobs } from '../packages/blobs.ts';
import { addTarLayer } from '../packages/tar-layer.ts';
import type { ImageTree } from '../packages/tree.ts';
import { run } from '../run.ts';
import { Apt, type DebianPackage, filesOf } from './debian.ts';
import {
  CERTIFICATES_DIR,
  CERTIFICATES_PATH,
  isWantedPackage,
  isWantedPath,
  MADE_FILES,
  MERGED,
  OPENSSL_PATH,
  type RuntimeName,
  type RuntimeRecipe,
  RUNTIME_REVISION,
  RUNTIMES,
} from './recipes.ts';

const FILES_DIR = fileURLToPath(new URL('files', import.meta.url));
const OWN_DIR = 'usr/lib/hotplane';
const ROOT = { uid: 0, gid: 0 };

const madeSchema = z.object({
  schema_version: z.literal(1),
  /** Of everything that went into it. */
  recipe_key: z.string(),
  key: z.string(),
  packages: z.array(z.object({ name: z.string(), version: z.string() })),
});

export interface Runtime {
  readonly name: RuntimeName;
  readonly made: Package;
  readonly packages: readonly DebianPackage[];
}

export interface RuntimeOptions {
  readonly cache_dir: string;
  /** False: throw HP_IMAGE_NOT_BUILT instead of making it. Default: true. */
  readonly build?: boolean;
  /** True: look whether Debian has newer packages, and make it of those. Default: false. */
  readonly renew?: boolean;
  readonly progress?: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** The runtime from the cache, else made (a minute). Throws HP_IMAGE_*. */
export async function ensureRuntime(name: RuntimeName, options: RuntimeOptions): Promise<Runtime> {
  const { cache_dir, build = true, renew = false, progress = silentProgress } = options;
  const path = join(cache_dir, 'runtimes', `${name}.json`);
  const known = await readMade(path);
  const own = await ownFiles(RUNTIMES[name]);
  if (!renew || !build) {
    const is_current = known !== null && known.recipe_key === recipeKey(name, known.packages, own);
    const made = is_current ? await usable(cache_dir, known.key) : null;
    if (made && known) return { name, made, packages: known.packages };
  }
  if (!build) throw notBuilt(`base runtime ${name}`, path);
  progress.step(1, 2, `base runtime ${name}: asking apt for its packages`);
  const { made, packages } = await makeRuntime(name, own, options);
  await makeFolder(dirname(path));
  const recipe_key = recipeKey(name, packages, own);
  await writeWhole(path, jsonDocument({ schema_version: 1, recipe_key, key: made.key, packages }));
  return { name, made, packages };
}

async function readMade(path: string): Promise<z.infer<typeof madeSchema> | null> {
  const text = await readPlainFile(path).catch(() => '');
  try {
    return madeSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

async function usable(cache_dir: string, key: string): Promise<Package | null> {
  try {
    return await findPackage(cache_dir, key);
  } catch (error) {
    if (isHotplaneError(error) && error.code === 'HP_IMAGE_NOT_BUILT') return null;
    throw error;
  }
}

type OwnFiles = Readonly<Record<string, string>>;

async function ownFiles({ files }: RuntimeRecipe): Promise<OwnFiles> {
  const texts = files.map(async (name) => [name, await readFile(join(FILES_DIR, name), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts));
}

function recipeKey(name: RuntimeName, packages: readonly DebianPackage[], own: OwnFiles): string {
  const listed = JSON.stringify(packages);
  const asked = JSON.stringify(RUNTIMES[name].packages);
  return contentKey({ name, revision: RUNTIME_REVISION, asked, packages: listed, ...own });
}

async function makeRuntime(
  name: RuntimeName,
  own: OwnFiles,
  { cache_dir, signal, progress = silentProgress }: RuntimeOptions,
): Promise<{ readonly made: Package; readonly packages: readonly DebianPackage[] }> {
  const recipe = RUNTIMES[name];
  const source = `base runtime ${name}`;
  const complete = recipe.compiles_python
    ? { name: 'compileall', run: async (dir: string) => await compilePython(dir, signal) }
    : undefined;
  const options = { cache_dir, source, signal, ...(complete ? { complete } : {}) };
  const { made, told } = await makePackage(options, async (tree, blobs, scratch_dir) => {
    const apt = new Apt(join(scratch_dir, 'apt'));
    await apt.setUp();
    const packages = (await apt.closure(recipe.packages)).filter((one) =>
      isWantedPackage(one.name),
    );
    progress.step(2, 2, `${source}: ${packages.length} packages`);
    const debs = await apt.fetch(packages);
    addMerged(tree);
    for (const deb of debs) await addDeb(deb, tree, blobs);
    await addTexts(tree, blobs, MADE_FILES);
    await addCertificates(tree, blobs);
    const placed = Object.entries(own).map(([file, text]) => [`${OWN_DIR}/${file}`, text]);
    await addTexts(tree, blobs, Object.fromEntries(placed));
    for (const [path, target] of Object.entries(recipe.links)) {
      tree.addLink(path, { mode: 0o777, ...ROOT }, target);
    }
    return packages;
  });
  return { made, packages: told };
}

function addMerged(tree: ImageTree): void {
  tree.beginLayer();
  for (const [name, target] of Object.entries(MERGED)) {
    tree.addFolder(target, { mode: 0o755, ...ROOT }, 'follow');
    tree.addLink(name, { mode: 0o777, ...ROOT }, target);
  }
}

async function addDeb(deb: string, tree: ImageTree, blobs: Blobs): Promise<void> {
  const { bytes, end } = filesOf(deb);
  const options = { tree, blobs, source: deb, over_links: 'follow', wanted: isWantedPath } as const;
  await addTarLayer(bytes, options);
  await end();
}

async function addTexts(
  tree: ImageTree,
  blobs: Blobs,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  tree.beginLayer();
  for (const [path, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    const content = await blobs.keep(path, bytes.byteLength, Readable.from([bytes]));
    tree.addFile(path, { mode: 0o644, ...ROOT }, content);
  }
}

async function addCertificates(tree: ImageTree, blobs: Blobs): Promise<void> {
  const folder = tree.find(CERTIFICATES_DIR);
  assert(folder?.type === 'folder', 'ca-certificates brings certificates');
  const texts: string[] = [];
  for (const name of [...folder.children.keys()].toSorted()) {
    const node = folder.children.get(name);
    if (node?.type === 'file') texts.push(await readFile(node.content.path, 'utf8'));
  }
  await addTexts(tree, blobs, { [CERTIFICATES_PATH]: texts.join('') });
  tree.addLink(OPENSSL_PATH, { mode: 0o777, ...ROOT }, `/${CERTIFICATES_PATH}`);
}

/**
 * Compiles the standard library with the runtime's own Python: a read-only image keeps nothing that
 * an instance would compile. Unchecked, because all files of an image have one time.
 */
async function compilePython(dir: string, signal: AbortSignal | undefined): Promise<void> {
  const names = await readdir(join(dir, 'usr/bin'));
  const python = names.find((name) => /^python3\.\d+$/.test(name)) ?? 'python3';
  const loader = join(dir, 'usr/lib64/ld-linux-x86-64.so.2');
  const libraries = join(dir, 'usr/lib/x86_64-linux-gnu');
  const start = [loader, '--library-path', libraries, join(dir, 'usr/bin', python), '-S'];
  const how = ['-m', 'compileall', '-q', '--invalidation-mode', 'unchecked-hash'];
  // What other packages bring lies beside the standard library.
  const folders = [python, 'python3'].map((name) => join(dir, 'usr/lib', name));
  const where = ['-s', dir, '-p', '/', ...folders.filter((folder) => existsSync(folder))];
  const log_path = join(dirname(dir), 'compileall.log');
  const env = { PYTHONHOME: join(dir, 'usr'), PYTHONHASHSEED: '0' };
  await run([...start, ...how, ...where], { cwd: dir, log_path, env, signal });
}
