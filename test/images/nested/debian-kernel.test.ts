/**
 * Goal: the kernel of the nested machine is used as it was fetched, also where apt is not.
 * Method: an unpacked package of empty modules, looked up by a process without tools.
 */
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../../base/paths.ts';

const VERSION = '6.12.9+deb12-amd64';
const MODULE = 'kernel/drivers/virtio/virtio_pci.ko';
const OTHER = 'kernel/net/bridge/bridge.ko';

/** An unpacked package in a cache, and a process without tools that looks for it. */
async function fetchedKernel(t: ExecutionContext) {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-debian-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const folder = join(dir, 'debian-kernels', `linux-image-${VERSION}`);
  const modules = join(folder, 'lib/modules', VERSION);
  const parts = {
    [join(folder, 'boot', `vmlinuz-${VERSION}`)]: 'kernel',
    [join(modules, 'modules.dep')]: `${MODULE}:\n`,
    [join(modules, MODULE)]: 'module',
  };
  for (const [path, text] of Object.entries(parts)) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  const module_path = JSON.stringify(join(PROJECT_ROOT, 'images/nested/debian-kernel.ts'));
  const script = `const { ensureDebianKernel } = await import(${module_path});
    console.log(JSON.stringify(await ensureDebianKernel(${JSON.stringify(dir)})));`;
  const find = async () =>
    await execa(process.execPath, ['--input-type=module', '--eval', script], {
      env: { PATH: dir },
      extendEnv: false,
      reject: false,
    });
  return { folder, modules, find };
}

test('a fetched kernel is found without apt, and not when a part of it is damaged', async (t) => {
  const { folder, modules, find } = await fetchedKernel(t);
  const found = await find();
  t.like(JSON.parse(found.stdout), { module_paths: [join(modules, MODULE)] }, found.stderr);
  t.deepEqual(JSON.parse((await find()).stdout), JSON.parse(found.stdout));
  t.regex(await readFile(join(folder, 'manifest.json'), 'utf8'), /virtio_pci\.ko/);
  await truncate(join(modules, MODULE), 3);
  t.regex((await find()).stderr, /apt-get download.*failed/);
});

test('one that was fetched when fewer modules were needed is fetched again', async (t) => {
  const { modules, find } = await fetchedKernel(t);
  t.is((await find()).exitCode, 0);
  await writeFile(join(modules, 'modules.dep'), `${MODULE}:\n${OTHER}:\n`);
  t.regex((await find()).stderr, /apt-get download.*failed/);
});
