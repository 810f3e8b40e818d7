import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { ensureRootfs } from '../../images/rootfs/rootfs.ts';

test('builds of the same root file system at once agree; a further program makes another', async (t) => {
  const cache_dir = await mkdtemp(join(tmpdir(), 'hotplane-rootfs-'));
  t.teardown(() => rm(cache_dir, { recursive: true, force: true }));
  const [first, second] = await Promise.all([
    ensureRootfs({ cache_dir }),
    ensureRootfs({ cache_dir }),
  ]);
  t.deepEqual(first, second);
  t.deepEqual(await readdir(join(cache_dir, 'rootfs', first.key)), [
    'initrd.cpio.gz',
    'manifest.json',
  ]);
  const archive = gunzipSync(await readFile(first.initrd_path)).toString('latin1');
  t.regex(archive, /bin\/workload\0/);
  t.true((await stat(first.initrd_path)).size < 2_000_000);

  const extra = join(cache_dir, 'selftest');
  await writeFile(extra, 'selftest');
  const extra_programs = { 'bin/hotmem-selftest': extra };
  t.not((await ensureRootfs({ cache_dir, extra_programs })).key, first.key);
});
