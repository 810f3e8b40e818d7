import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';

const IOCTL = /HOTMEM_IOC_ATTACH\s+(_IOW\([^)]*\))/;

test('the init speaks the ABI of the series', async (t) => {
  const dir = join(PROJECT_ROOT, 'guest-kernel-patches');
  const patches = (await readdir(dir)).filter((name) => name.endsWith('.patch'));
  const texts = await Promise.all(patches.map((name) => readFile(join(dir, name), 'utf8')));
  const published = texts.flatMap((text) => IOCTL.exec(text.replaceAll(/^\+/gm, ''))?.[1] ?? []);
  const ours = await readFile(join(PROJECT_ROOT, 'guest/init/hotmem_abi.h'), 'utf8');
  if (published.length === 0) return t.pass('no series yet');
  return t.is(IOCTL.exec(ours)?.[1], published.at(-1));
});
