import test from 'ava';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isOwnedName, newOwnedFolder, ownFolder } from '../../base/owned-folder.ts';

const parent_dir = join(await mkdtemp(join(tmpdir(), 'hotplane-owned-')), 'run');
test.after.always(async () => await rm(join(parent_dir, '..'), { recursive: true, force: true }));

test.serial('a new folder is known by its name, held, and gone when it is removed', async (t) => {
  const owned = await newOwnedFolder(parent_dir, 'kernel');
  t.true(isOwnedName(basename(owned.path)));
  t.is(await ownFolder(owned.path), null, 'nobody else gets it');
  await owned.remove();
  t.deepEqual(await readdir(parent_dir), []);
});

test.serial('many at once get one each', async (t) => {
  const all = await Promise.all(Array.from({ length: 8 }, () => newOwnedFolder(parent_dir, 'r')));
  t.is(new Set(all.map(({ path }) => path)).size, 8);
  await Promise.all(all.map(async (one) => await one.remove()));
});

test("a folder of another name is nobody's of ours", (t) => {
  for (const name of ['state', 'run-1', 'bench', 'xkernel-1', '']) t.false(isOwnedName(name), name);
});
