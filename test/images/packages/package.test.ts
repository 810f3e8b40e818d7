/**
 * Goal: a package is the tree it was made of, the same bytes whoever makes it and whenever, and is
 * made once.
 * Method: folders and OCI images (by umoci, and by hand where it cannot make what is to be tested)
 * made into packages in a cache of their own; what erofs-utils unpacks of the image is compared.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, utimes } from 'node:fs/promises';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { isHotplaneError } from '../../../base/errors.ts';
import { buildFolder, importImage } from '../../../images/packages/build.ts';
import { findNamed, listNamed } from '../../../images/packages/named.ts';
import { findPackage } from '../../../images/packages/package.ts';
import { CONFIG, tarOf, writeLayout } from './archives.ts';

async function folderFor(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-package-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  return dir;
}

/** What a script says in the folder that erofs-utils unpacks of an image, its owners included. */
async function said(image_path: string, script: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-unpacked-'));
  try {
    const unpack = `fsck.erofs --extract="$0" --overwrite "$1" >&2 && cd "$0" && ${script}`;
    const { stdout } = await execa('fakeroot', ['sh', '-c', unpack, join(dir, 'x'), image_path]);
    return stdout;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** One line for each path of an image: type, mode, owner, target of a link, and path. */
async function listing(image_path: string): Promise<string[]> {
  const find = "find . -mindepth 1 -printf '%y %m %U:%G %l %p\\n'";
  return (await said(image_path, find)).split('\n').toSorted();
}

/** The number of a path's inode: that of its hard links too, which unpacking takes apart. */
async function inodeOf(image_path: string, path: string): Promise<string> {
  const { stdout } = await execa('dump.erofs', [`--path=${path}`, image_path]);
  return /NID: \d+ +Links: 2/.exec(stdout)?.[0] ?? stdout;
}

async function helloFolder(dir: string): Promise<void> {
  await mkdir(join(dir, 'lib'), { recursive: true });
  await writeFile(join(dir, 'handler.py'), 'def handler(event, context): return event\n');
  await writeFile(join(dir, 'lib', 'run.sh'), '#!/bin/sh\n');
  await chmod(join(dir, 'lib', 'run.sh'), 0o750);
  await symlink('lib/run.sh', join(dir, 'run'));
  await writeFile(join(dir, 'function.yaml'), 'name: hello\n');
}

test('a folder is the same bytes whenever and wherever it is built', async (t) => {
  const dir = await folderFor(t);
  const images: Buffer[] = [];
  for (const place of ['one', 'other']) {
    const folder = join(dir, place, 'hello');
    await helloFolder(folder);
    await utimes(join(folder, 'handler.py'), images.length * 1_000, images.length * 1_000);
    const cache_dir = join(dir, place, 'cache');
    const made = await buildFolder(folder, { cache_dir, name: 'hello', runtime: 'python3' });
    images.push(await readFile(made.image_path));
    t.is(images.at(-1)?.byteLength, made.image_bytes);
  }
  t.true(images[1]?.equals(images[0] ?? Buffer.alloc(0)));
});

test('a folder lies in /var/task, as root, without what belongs to the author', async (t) => {
  const dir = await folderFor(t);
  await helloFolder(join(dir, 'hello'));
  const options = { cache_dir: join(dir, 'cache'), name: 'hello', runtime: 'python3' };
  const made = await buildFolder(join(dir, 'hello'), options);
  t.deepEqual(
    (await listing(made.image_path)).filter((line) => line.includes('/var')),
    [
      'd 755 0:0 ./var/task',
      'd 755 0:0 ./var',
      'd 755 0:0 ./var/task/lib',
      'f 644 0:0 ./var/task/handler.py',
      'f 755 0:0 ./var/task/lib/run.sh',
      'l 777 0:0 lib/run.sh ./var/task/run',
    ]
      .map((line) => (line.startsWith('l') ? line : line.replace(' ./', '  ./')))
      .toSorted(),
  );
  t.like(made.content, { files: 2, links: 1 });
});

test('what is made is found by its key and its name, and made once', async (t) => {
  const dir = await folderFor(t);
  const cache_dir = join(dir, 'cache');
  await helloFolder(join(dir, 'hello'));
  const options = { cache_dir, name: 'hello', runtime: 'python3' };
  const made = await buildFolder(join(dir, 'hello'), options);
  const before = await stat(made.image_path);
  t.deepEqual(await buildFolder(join(dir, 'hello'), options), made);
  t.is((await stat(made.image_path)).ino, before.ino);
  t.deepEqual(await findPackage(cache_dir, made.key), made);
  t.like(await findNamed(cache_dir, 'hello'), { key: made.key, runtime: 'python3', config: null });
  t.deepEqual(
    (await listNamed(cache_dir)).map(({ name }) => name),
    ['hello'],
  );
  for (const name of ['other', '../hello']) {
    const error = await t.throwsAsync(findNamed(cache_dir, name));
    t.true(isHotplaneError(error) && error.code === 'HP_IMAGE_NO_FUNCTION', String(error));
  }
});

test('an image that was spoilt in the cache is made anew', async (t) => {
  const dir = await folderFor(t);
  await helloFolder(join(dir, 'hello'));
  const options = { cache_dir: join(dir, 'cache'), name: 'hello', runtime: 'python3' };
  const made = await buildFolder(join(dir, 'hello'), options);
  const whole = await readFile(made.image_path);
  await writeFile(made.image_path, whole.subarray(0, whole.length - 1));
  const error = await t.throwsAsync(findPackage(options.cache_dir, made.key));
  t.true(isHotplaneError(error) && error.code === 'HP_IMAGE_NOT_BUILT', String(error));
  await buildFolder(join(dir, 'hello'), options);
  t.true((await readFile(made.image_path)).equals(whole));
});

/** An image of two layers by umoci: files of several kinds, and some of them taken away again. */
async function umociLayout(dir: string): Promise<string> {
  const layout = join(dir, 'layout');
  const bundle = join(dir, 'bundle');
  const rootfs = join(bundle, 'rootfs');
  const umoci = async (...args: string[]): Promise<void> => {
    await execa('umoci', args, { cwd: dir });
  };
  const image = `${layout}:v1`;
  await umoci('init', '--layout', layout);
  await umoci('new', '--image', image);
  const change = async (script: string): Promise<void> => {
    await rm(bundle, { recursive: true, force: true });
    await umoci('unpack', '--rootless', '--image', image, bundle);
    await execa('sh', ['-e', '-c', script], { cwd: rootfs });
    await umoci('repack', '--image', image, bundle);
  };
  await change(`mkdir -p bin etc gone kept/old && echo app >bin/app && chmod 755 bin/app
    ln bin/app bin/hard && ln -s ../bin/app etc/soft && echo x >gone/x && echo y >kept/old/y
    echo 'app:x:1234:77::/:/bin/sh' >etc/passwd`);
  await change(`rm -r gone kept && mkdir kept && echo z >kept/z && chmod 4711 bin/app`);
  await umoci('config', '--image', image, '--config.entrypoint', '/bin/app');
  await umoci('config', '--image', image, '--config.cmd', '--serve', '--config.user', 'app');
  await umoci('config', '--image', image, '--config.env', 'COLOUR=blue');
  await umoci('config', '--image', image, '--config.workingdir', '/kept');
  await rm(bundle, { recursive: true, force: true });
  await umoci('unpack', '--rootless', '--image', image, bundle);
  return layout;
}

test('an image by umoci has the tree that umoci unpacks, as layout and as archive', async (t) => {
  const dir = await folderFor(t);
  const cache_dir = join(dir, 'cache');
  const layout = await umociLayout(dir);
  const archive = join(dir, 'image.tar');
  await execa('tar', ['-cf', archive, '-C', layout, '.']);
  const made = await importImage({ form: 'oci', path: layout }, { cache_dir, name: 'shop' });
  const again = await importImage(
    { form: 'oci-archive', path: archive },
    { cache_dir, name: 'tar' },
  );
  t.is(again.key, made.key);
  const find = ['.', '-mindepth', '1', '-printf', '%y %m %l %p\\n'];
  const unpacked = await execa('find', find, { cwd: join(dir, 'bundle', 'rootfs') });
  const added = /\.\/(dev|proc|run|sys|tmp)$/;
  const inside = (await listing(made.image_path))
    .filter((line) => !added.test(line))
    .map((line) => line.replace(/ \d+:\d+ /, ' '));
  t.deepEqual(inside, unpacked.stdout.split('\n').toSorted());
  t.is(await said(made.image_path, 'cat kept/z'), 'z');
  t.is(await inodeOf(made.image_path, '/bin/app'), await inodeOf(made.image_path, '/bin/hard'));
  t.deepEqual((await findNamed(cache_dir, 'shop')).config, {
    command: ['/bin/app', '--serve'],
    environment: [...((await findNamed(cache_dir, 'tar')).config?.environment ?? [])],
    working_folder: '/kept',
    user: '1234:77',
  });
  t.true((await findNamed(cache_dir, 'shop')).config?.environment.includes('COLOUR=blue'));
});

test('a layer may end with its last file, as umoci inserts it', async (t) => {
  const dir = await folderFor(t);
  const image = `${join(dir, 'layout')}:v1`;
  await writeFile(join(dir, 'word'), 'inserted');
  await execa('umoci', ['init', '--layout', join(dir, 'layout')]);
  await execa('umoci', ['new', '--image', image]);
  const insert = ['insert', '--rootless', '--image', image, join(dir, 'word'), '/srv/word'];
  await execa('umoci', insert);
  await execa('umoci', ['config', '--image', image, '--config.entrypoint', '/srv/word']);
  const source = { form: 'oci', path: join(dir, 'layout') } as const;
  const made = await importImage(source, { cache_dir: join(dir, 'cache'), name: 'inserted' });
  t.is(await said(made.image_path, 'cat srv/word'), 'inserted');
});

test('owners of an image are kept without being root', async (t) => {
  const dir = await folderFor(t);
  const layer = await tarOf([
    { name: 'data', type: 'directory', mode: 0o750, uid: 33, gid: 44 },
    { name: 'data/secret', text: 'x', mode: 0o020, uid: 33, gid: 44 },
    { name: 'data/same', type: 'link', linkname: 'data/secret' },
  ]);
  await writeLayout(join(dir, 'layout'), [layer]);
  const image = { form: 'oci', path: join(dir, 'layout') } as const;
  const made = await importImage(image, { cache_dir: join(dir, 'cache'), name: 'owned' });
  const lines = (await listing(made.image_path)).filter((line) => line.includes('data'));
  t.deepEqual(lines, [
    'd 750 33:44  ./data',
    'f 20 33:44  ./data/same',
    'f 20 33:44  ./data/secret',
  ]);
  t.is(
    await inodeOf(made.image_path, '/data/same'),
    await inodeOf(made.image_path, '/data/secret'),
  );
});

test('what docker save writes is the same package', async (t) => {
  const dir = await folderFor(t);
  const cache_dir = join(dir, 'cache');
  const layer = await tarOf([{ name: 'bin/app', text: 'app', mode: 0o755 }]);
  await writeLayout(join(dir, 'layout'), [layer]);
  const saved = [
    {
      name: 'manifest.json',
      text: JSON.stringify([{ Config: 'c.json', Layers: ['a/layer.tar'] }]),
    },
    { name: 'c.json', text: JSON.stringify(CONFIG) },
    { name: 'a/layer.tar', text: layer },
  ];
  await writeFile(join(dir, 'docker.tar'), await tarOf(saved));
  const image = { form: 'docker-archive', path: join(dir, 'docker.tar') } as const;
  const made = await importImage(image, { cache_dir, name: 'docker' });
  const path = join(dir, 'layout');
  t.deepEqual(await importImage({ form: 'oci', path }, { cache_dir, name: 'oci' }), made);
});

test('an image of wrong bytes, for another platform or without its parts is refused', async (t) => {
  const dir = await folderFor(t);
  const layer = await tarOf([{ name: 'x', text: 'x' }]);
  const layout = async (name: string, config: object = CONFIG): Promise<string> => {
    await writeLayout(join(dir, name), [layer], config);
    return join(dir, name);
  };
  const spoilt = await layout('spoilt');
  const { manifests } = JSON.parse(await readFile(join(spoilt, 'index.json'), 'utf8'));
  const hex = String(manifests[0].digest).replace('sha256:', '');
  const blob = join(spoilt, 'blobs', 'sha256', hex);
  await writeFile(blob, (await readFile(blob, 'utf8')).replace('schemaVersion', 'schemaVersioN'));
  const empty = await layout('empty');
  await rm(join(empty, 'index.json'));
  const refused: readonly (readonly [string, RegExp])[] = [
    [spoilt, /has other bytes than its digest says/],
    [empty, /index\.json is missing in it/],
    [await layout('arm', { ...CONFIG, architecture: 'arm64' }), /is for linux\/arm64; guests here/],
    [
      await layout('nobody', { ...CONFIG, config: { User: 'ghost' } }),
      /etc\/passwd has nobody called ghost/,
    ],
  ];
  for (const [path, sentence] of refused) {
    const options = { cache_dir: join(dir, 'cache'), name: 'bad' };
    const error = await t.throwsAsync(importImage({ form: 'oci', path }, options));
    t.true(isHotplaneError(error) && error.code === 'HP_IMAGE_ARCHIVE', String(error));
    t.regex(error?.message ?? '', sentence);
  }
  t.deepEqual(await listNamed(join(dir, 'cache')), []);
});
