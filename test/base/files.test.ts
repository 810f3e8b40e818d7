import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { moveFolderWhole, writeWhole, writeWholeSync } from '../../base/files.ts';

let dir: string;
test.beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hotplane-files-'));
});
test.afterEach.always(async () => await rm(dir, { recursive: true, force: true }));

test.serial('of many writers at once one wins, whole, and no draft is left', async (t) => {
  const path = join(dir, 'file');
  const texts = Array.from({ length: 20 }, (_, at) => `${at}`.repeat(10_000));
  await Promise.all(texts.map(async (text) => await writeWhole(path, text, { mode: 0o600 })));
  t.true(texts.includes(await readFile(path, 'utf8')));
  t.deepEqual(await readdir(dir), ['file']);
  t.is((await stat(path)).mode & 0o777, 0o600);
});

test.serial('a write that fails leaves neither draft nor change', async (t) => {
  const path = join(dir, 'folder');
  await mkdir(join(path, 'full'), { recursive: true });
  await t.throwsAsync(writeWhole(path, 'text'));
  t.throws(() => writeWholeSync(path, 'text'));
  t.deepEqual(await readdir(dir), ['folder']);
});

test.serial('a folder is moved with all that is in it, onto nothing else', async (t) => {
  await mkdir(join(dir, 'from/below'), { recursive: true });
  await writeFile(join(dir, 'from/below/file'), 'text');
  await moveFolderWhole(join(dir, 'from'), join(dir, 'far/to'));
  t.is(await readFile(join(dir, 'far/to/below/file'), 'utf8'), 'text');
  await mkdir(join(dir, 'from'));
  await t.throwsAsync(moveFolderWhole(join(dir, 'from'), join(dir, 'far/to')), {
    code: 'ENOTEMPTY',
  });
});
