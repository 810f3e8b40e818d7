/**
 * Goal: a base runtime runs its language with nothing but what is in the image, is the same bytes
 * whenever it is made of the same packages, and is made once.
 * Method: runtimes of this host's Debian; the image unpacked, and its programs run with it as their
 * root, in a user namespace.
 */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { isHotplaneError } from '../../../base/errors.ts';
import { cacheDir, PROJECT_ROOT } from '../../../base/paths.ts';
import { ensureRuntime, type Runtime } from '../../../images/runtimes/runtime.ts';
import type { RuntimeName } from '../../../images/runtimes/recipes.ts';

const SEED = 7;

async function scratch(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-runtime-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The runtime of the shared cache, unpacked. */
async function unpacked(
  t: ExecutionContext,
  name: RuntimeName,
): Promise<{ readonly runtime: Runtime; readonly root: string }> {
  const runtime = await ensureRuntime(name, { cache_dir: cacheDir() });
  const root = join(await scratch(t), 'root');
  await execa('fakeroot', ['fsck.erofs', `--extract=${root}`, runtime.made.image_path]);
  return { runtime, root };
}

/** What a program of the runtime says with the image as its root, as in a guest. */
async function said(root: string, program: string, ...args: string[]): Promise<string> {
  const command = ['--map-root-user', '/usr/sbin/chroot', root, `/usr/bin/${program}`, ...args];
  return (await execa('unshare', command, { env: {}, extendEnv: false, timeout: 60_000 })).stdout;
}

test('python3 has its whole library, compiled, and the certificates', async (t) => {
  const { root } = await unpacked(t, 'python3');
  const modules = 'json, ssl, sqlite3, ctypes, lzma, bz2, zlib, hashlib, decimal, asyncio';
  const look = `import ${modules}; print(json.__cached__); print(hashlib.sha256(b'').hexdigest())`;
  const lines = (await said(root, 'python3', '-c', look)).split('\n');
  t.is(lines[1], 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  t.true((await stat(join(root, lines[0] ?? ''))).size > 0);
  t.true((await stat(join(root, 'etc/ssl/certs/ca-certificates.crt'))).size > 100_000);
  t.true((await stat(join(root, 'usr/lib/hotplane/lambda.py'))).isFile());
});

/** The answer of resize.py's image by the rule of Pillow: the mean of four, half of one goes up. */
function halved(size: number): Buffer {
  let state = SEED;
  const image = Buffer.from(
    Array.from({ length: size * size * 3 }, () => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % 256;
    }),
  );
  const at = (x: number, y: number, channel: number): number =>
    image[(y * size + x) * 3 + channel] ?? Number.NaN;
  return Buffer.from(
    Array.from({ length: (size / 2) ** 2 * 3 }, (_, index) => {
      const channel = index % 3;
      const x = 2 * (Math.floor(index / 3) % (size / 2));
      const y = 2 * Math.floor(index / 3 / (size / 2));
      const sum = at(x, y, channel) + at(x + 1, y, channel);
      return (sum + at(x, y + 1, channel) + at(x + 1, y + 1, channel) + 2) >> 2;
    }),
  );
}

test('functions with NumPy and Pillow give their known answers', async (t) => {
  const { root } = await unpacked(t, 'python3-numpy');
  await cp(join(PROJECT_ROOT, 'images/functions/python'), join(root, 'var/task'), {
    recursive: true,
  });
  const answerOf = async (name: string, size: number): Promise<object> => {
    const event = JSON.stringify({ seed: SEED, size });
    const import_it = `import sys, json; sys.path.insert(0, '/var/task'); import ${name}`;
    const call = `${import_it}; print(json.dumps(${name}.handler(json.loads(sys.argv[1]))))`;
    return JSON.parse(await said(root, 'python3', '-B', '-c', call, event));
  };
  // Those of inference.py, which multiplies by hand.
  t.deepEqual(await answerOf('inference_numpy', 300), {
    classes: [0, 178, 0, 6, 29, 49, 0, 9, 0, 29],
  });
  const small = halved(100);
  t.deepEqual(await answerOf('resize_pillow', 100), {
    bytes: small.length,
    digest: createHash('sha256').update(small).digest('hex').slice(0, 16),
  });
  const compiled = 'import numpy; print(numpy.__cached__)';
  t.true((await stat(join(root, await said(root, 'python3', '-B', '-c', compiled)))).size > 0);
});

test('node runs, with its own libraries', async (t) => {
  const { root, runtime } = await unpacked(t, 'node');
  const look = "console.log(require('crypto').createHash('sha256').digest('hex').length)";
  t.is(await said(root, 'node', '-e', look), '64');
  const { version = '' } = runtime.packages.find(({ name }) => name === 'nodejs') ?? {};
  t.is(await said(root, 'node', '--version'), `v${version.split('+')[0]}`);
});

test('a runtime is the same bytes in two caches, and made once in each', async (t) => {
  const dir = await scratch(t);
  const made: Runtime[] = [];
  for (const place of ['one', 'other']) {
    const cache_dir = join(dir, place);
    const missing = await t.throwsAsync(ensureRuntime('static', { cache_dir, build: false }));
    t.true(isHotplaneError(missing) && missing.code === 'HP_IMAGE_NOT_BUILT', String(missing));
    made.push(await ensureRuntime('static', { cache_dir }));
    const before = await stat(made.at(-1)?.made.image_path ?? '');
    const again = await ensureRuntime('static', { cache_dir, build: false });
    t.is((await stat(again.made.image_path)).ino, before.ino);
  }
  const images = made.map((one) => one.made.image_path);
  t.is((await execa('cmp', images)).exitCode, 0);
  t.is(made[1]?.made.key, made[0]?.made.key);
});
