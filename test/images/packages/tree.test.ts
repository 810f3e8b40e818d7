/**
 * Goal: layers become the tree that a container engine would show, and no archive can name, reach
 * or fill anything beyond its own tree.
 * Method: layers made entry by entry, put over one another; each hostile one alone, with its
 * sentence.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { describeError, isHotplaneError } from '../../../base/errors.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { Blobs } from '../../../images/packages/blobs.ts';
import { addTarLayer } from '../../../images/packages/tar-layer.ts';
import { ImageTree, type TreeNode } from '../../../images/packages/tree.ts';
import { type Entry, tarOf } from './archives.ts';

async function treeOf(
  t: ExecutionContext,
  layers: readonly Uint8Array[],
  limit_bytes: number = GIB,
): Promise<ImageTree> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-tree-'));
  t.teardown(async () => await rm(dir, { recursive: true }));
  const tree = new ImageTree('test.tar');
  const blobs = new Blobs(dir, 'test.tar', limit_bytes);
  for (const layer of layers) {
    const options = {
      tree,
      blobs,
      source: 'test.tar',
      over_links: 'replace',
      limit_bytes,
    } as const;
    await addTarLayer(Readable.from([layer], { objectMode: false }), options);
  }
  return tree;
}

/** Paths of everything but the root, sorted; folders end in a slash. */
function pathsOf(tree: ImageTree): string[] {
  const paths: string[] = [];
  const visit = (node: TreeNode, path: string): void => {
    if (node.type !== 'folder') return void paths.push(path);
    if (path !== '') paths.push(`${path}/`);
    for (const [name, child] of node.children) visit(child, path === '' ? name : `${path}/${name}`);
  };
  visit(tree.root, '');
  return paths.toSorted();
}

const dir = (name: string, mode = 0o755): Entry => ({ name, type: 'directory', mode });
const file = (name: string, text = name): Entry => ({ name, text });

interface Layered {
  readonly what: string;
  readonly layers: readonly (readonly Entry[])[];
  readonly paths: readonly string[];
}

const LAYERED: readonly Layered[] = [
  {
    what: 'a whiteout hides one name of the layers below',
    layers: [[dir('a'), file('a/x'), file('a/y')], [file('a/.wh.x')]],
    paths: ['a/', 'a/y'],
  },
  {
    what: 'a whiteout of a folder hides all that is in it',
    layers: [[dir('a'), dir('a/b'), file('a/b/x')], [file('a/.wh.b')]],
    paths: ['a/'],
  },
  {
    what: 'an opaque folder has what its own layer brings, before the mark or after it',
    layers: [
      [dir('a'), file('a/old'), dir('a/b'), file('a/b/old')],
      [dir('a'), dir('a/b'), file('a/b/first'), file('a/.wh..wh..opq'), file('a/then')],
    ],
    paths: ['a/', 'a/b/', 'a/b/first', 'a/then'],
  },
  {
    what: 'a whiteout hides nothing of its own layer',
    layers: [[file('x', 'old')], [file('x', 'new'), file('.wh.x')]],
    paths: ['x'],
  },
  {
    what: 'a file takes the place of a folder, and a folder that of a link',
    layers: [
      [dir('a'), file('a/x'), { name: 'l', type: 'symlink', linkname: 'a' }],
      [file('a'), dir('l'), file('l/x')],
    ],
    paths: ['a', 'l/', 'l/x'],
  },
  {
    what: 'what is put below a link lies where the link leads',
    layers: [[dir('usr'), { name: 'lib', type: 'symlink', linkname: '/usr' }, file('lib/x')]],
    paths: ['lib', 'usr/', 'usr/x'],
  },
  {
    what: 'folders that no entry names are there',
    layers: [[file('a/b/c')]],
    paths: ['a/', 'a/b/', 'a/b/c'],
  },
];

for (const { what, layers, paths } of LAYERED) {
  test(what, async (t) => {
    const tree = await treeOf(t, await Promise.all(layers.map(tarOf)));
    t.deepEqual(pathsOf(tree), paths.toSorted());
  });
}

test('owners, modes and hard links are those of the archive', async (t) => {
  const layer = await tarOf([
    dir('a', 0o1777),
    { name: 'a/su', text: 'x', mode: 0o4711, uid: 33, gid: 44 },
    { name: 'b', type: 'link', linkname: 'a/su' },
  ]);
  const tree = await treeOf(t, [layer]);
  t.is(tree.find('a')?.attributes.mode, 0o1777);
  t.deepEqual(tree.find('a/su')?.attributes, { mode: 0o4711, uid: 33, gid: 44 });
  t.is(tree.find('b'), tree.find('a/su'));
});

test('a layer may be compressed with gzip or zstd, by its bytes and not by its name', async (t) => {
  const layer = await tarOf([file('x')]);
  for (const bytes of [layer, gzipSync(layer), zstdCompressSync(layer)]) {
    t.deepEqual(pathsOf(await treeOf(t, [bytes])), ['x']);
  }
});

const link = (name: string, linkname: string): Entry => ({ name, type: 'symlink', linkname });

const HOSTILE: readonly (readonly [string, readonly Entry[], RegExp])[] = [
  ['an absolute path', [file('/etc/passwd')], /etc\/passwd is an absolute path\.$/],
  ['a path with ..', [file('a/../../x')], /leads out of the tree by '\.\.'\.$/],
  ['a device', [{ name: 'd', type: 'character-device' }], /d is a character-device, not a file/],
  ['a pipe', [{ name: 'p', type: 'fifo' }], /p is a fifo, not a file/],
  [
    'a link out of the tree',
    [dir('a'), link('a/l', '../../etc')],
    /a\/l is a link out of the tree/,
  ],
  ['an absolute link out of it', [link('l', '/../etc')], /l is a link out of the tree/],
  [
    'a hard link to nothing',
    [{ name: 'h', type: 'link', linkname: 'x' }],
    /h is a hard link to x,/,
  ],
  [
    'a hard link out of the tree',
    [{ name: 'h', type: 'link', linkname: '../../etc/shadow' }],
    /h leads out of the tree by '\.\.'/,
  ],
  ['links in a circle', [link('a', 'b'), link('b', 'a'), file('a/x')], /leads through links/],
  ['a file below a file', [file('a'), file('a/x')], /a\/x lies below something that is no folder/],
  ['a whiteout of ..', [file('.wh...')], /hides nothing that can be named/],
  ['too long a name', [file('n'.repeat(256))], /has too long a name/],
  ['too long a path', [file('n/'.repeat(2_100))], /is too long a path/],
];

for (const [what, entries, sentence] of HOSTILE) {
  test(`${what} is refused with one sentence`, async (t) => {
    const error = await t.throwsAsync(treeOf(t, [await tarOf(entries)]));
    t.true(isHotplaneError(error) && error.code === 'HP_IMAGE_ARCHIVE', String(error));
    t.regex(error?.message ?? '', sentence);
    t.regex(error?.message ?? '', /^test\.tar: /);
  });
}

/** The header of a file that says it has 10 GiB, and no more. */
async function hugeHeader(): Promise<Buffer> {
  const archive = await tarOf([file('huge', '')]);
  const header = archive.subarray(0, 512);
  header.write(`${(10 * GIB).toString(8).padStart(11, '0')}\0`, 124);
  header.fill(' ', 148, 156);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return archive;
}

test('a file of 10 GiB is refused by what its header says, before it is written', async (t) => {
  const error = await t.throwsAsync(treeOf(t, [gzipSync(await hugeHeader())], 4 * GIB));
  t.regex(error?.message ?? '', /huge has 10 GiB; at most 4 GiB are unpacked in all/);
});

test('a sparse file of GNU tar is refused', async (t) => {
  const text = '19 GNU.sparse.map=\n';
  const archive = await tarOf([file('s')]);
  const pax = await tarOf([{ name: 'PaxHeader/s', text }]);
  pax.write('x', 156);
  const header = pax.subarray(0, 512);
  header.fill(' ', 148, 156);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const whole = Buffer.concat([pax.subarray(0, 1_024), archive]);
  const error = await t.throwsAsync(treeOf(t, [whole]));
  t.regex(error?.message ?? '', /s is a sparse file/);
});

test('a bomb of compressed zeros is stopped at the limit, in a file or behind the last', async (t) => {
  const in_file = gzipSync(await tarOf([{ name: 'bomb', text: '\0'.repeat(16 * MIB) }]));
  const told = await t.throwsAsync(treeOf(t, [in_file], 8 * MIB));
  t.regex(told?.message ?? '', /bomb has 16 MiB; at most 8 MiB are unpacked in all/);
  const many = Array.from({ length: 16 }, (_, index) => file(`f${index}`, '\0'.repeat(MIB)));
  const in_many = await t.throwsAsync(treeOf(t, [gzipSync(await tarOf(many))], 8 * MIB));
  t.regex(in_many?.message ?? '', /f8 has 1 MiB; at most 8 MiB/);
  const behind = Buffer.concat([await tarOf([file('x')]), Buffer.alloc(64 * MIB)]);
  const endless = await t.throwsAsync(treeOf(t, [gzipSync(behind)], 8 * MIB));
  t.regex(endless?.message ?? '', /unfolds to more than 16 MiB/);
});

test('an archive that is cut or damaged is refused with one sentence', async (t) => {
  const layer = gzipSync(await tarOf([file('x', 'y'.repeat(100_000))]));
  const cut = layer.subarray(0, layer.length - 40);
  const plain = (await tarOf([file('x', 'y'.repeat(100_000))])).subarray(0, 5_000);
  const junk = Buffer.alloc(4_096, 'junk');
  for (const bytes of [cut, plain, junk]) {
    const error = await t.throwsAsync(treeOf(t, [bytes]));
    t.true(isHotplaneError(error) && error.code === 'HP_IMAGE_ARCHIVE', String(error));
    t.regex(error?.message ?? '', /^test\.tar: (is damaged|x does not have)/);
    t.notRegex(describeError(error), /[(]|\w[?!]\. /, 'why is said once');
  }
});
