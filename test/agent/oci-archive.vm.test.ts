/**
 * Goal: an OCI archive by a standard tool, of layers as a Dockerfile has them, runs as it is.
 * Method: umoci makes it: a base, what is copied onto it, and what is taken away again; a real VM.
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { cacheDir } from '../../base/paths.ts';
import { ECHO_PROGRAM } from '../../bench/invoke/path/echo-function.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { functionHost } from './function-host.ts';

/** FROM, COPY, RUN rm, ENTRYPOINT, CMD, ENV, WORKDIR and USER. */
async function archiveOf(dir: string, program: string): Promise<string> {
  const image = `${join(dir, 'layout')}:latest`;
  const bundle = join(dir, 'bundle');
  const rootfs = join(bundle, 'rootfs');
  const umoci = async (...args: string[]): Promise<void> => {
    await execa('umoci', args, { cwd: dir });
  };
  const layer = async (change: () => Promise<void>): Promise<void> => {
    await rm(bundle, { recursive: true, force: true });
    await umoci('unpack', '--rootless', '--image', image, bundle);
    await change();
    await umoci('repack', '--image', image, bundle);
  };
  await umoci('init', '--layout', join(dir, 'layout'));
  await umoci('new', '--image', image);
  await layer(async () => {
    for (const name of ['etc', 'tmp', 'app/build']) {
      await mkdir(join(rootfs, name), { recursive: true });
    }
    await writeFile(join(rootfs, 'etc/passwd'), 'shop:x:1234:77::/:/bin/sh\n');
    await writeFile(join(rootfs, 'app/build/left-over'), 'x');
  });
  await layer(async () => await copyFile(program, join(rootfs, 'app/server')));
  await layer(async () => await rm(join(rootfs, 'app/build'), { recursive: true }));
  for (const config of [
    ['--config.entrypoint', '/app/server', '--config.cmd', '--serve'],
    ['--config.env', 'COLOUR=blue', '--config.user', 'shop', '--config.workingdir', '/app'],
  ]) {
    await umoci('config', '--image', image, ...config);
  }
  const archive = join(dir, 'shop.tar');
  await execa('tar', ['-cf', archive, '-C', join(dir, 'layout'), '.']);
  return archive;
}

test('an OCI archive by umoci answers as it was made', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hp-oci-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  const signal = new AbortController().signal;
  const built = { name: 'bench-echo', ...ECHO_PROGRAM, cache_dir: cacheDir(), signal };
  await archiveOf(dir, await ensureStaticProgram(built));
  const text = 'name: shop\npackage: oci-archive:./shop.tar\ninterface: http\nmemory: 128MiB\n';
  await writeFile(join(dir, 'function.yaml'), text);
  const host = await functionHost(t, ['virtio-mem']);
  await host.deployFolder(dir);
  const bytes = 'x'.repeat(100_000);
  const answer = await host.call('shop', bytes);
  t.is(answer.status, 200, answer.body.slice(0, 400));
  t.is(answer.body, bytes);
});
