/**
 * Goal: a guest has the function's image over that of its base runtime as one root that nobody can
 * write, an image alone as it is, and tells on its console what it cannot mount.
 * Method: real VMs with packages made here; a program in the package tells what it sees.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { importImage } from '../../../images/packages/build.ts';
import { ensureStaticProgram } from '../../../images/rootfs/program.ts';
import { ASK_MS, type BootedGuest, connectGuest, launchGuest } from '../booted-guest.ts';
import { type Entry, tarOf, writeLayout } from './archives.ts';

async function folderFor(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-guest-packages-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The image of a package of these files. */
async function imageOf(dir: string, name: string, entries: readonly Entry[]): Promise<string> {
  const layout = join(dir, name);
  await writeLayout(layout, [await tarOf(entries)]);
  const options = { cache_dir: join(dir, 'cache'), name };
  return (await importImage({ form: 'oci', path: layout }, options)).image_path;
}

async function lookProgram(): Promise<Entry> {
  const source = join(import.meta.dirname, 'look.c');
  const path = await ensureStaticProgram({ name: 'package-look', sources: [source] });
  return { name: 'bin/look', text: await readFile(path), mode: 0o755 };
}

/** Lines that the program told, from the console. */
async function seen(guest: BootedGuest, argv: readonly string[]): Promise<readonly string[]> {
  const env = {
    [PROTOCOL.ready_variable]: PROTOCOL.ready_exec,
    [PROTOCOL.user_variable]: PROTOCOL.user_root,
  };
  await guest.vm.resizeRegion('r0', 256 * MIB, { deadline_ms: 30_000 });
  await guest.start('look', { argv: ['/image/root/bin/look', ...argv], env });
  const told = await waitFor(
    async () => {
      // The last one may be on its way.
      const lines = (await guest.console()).split(/\r?\n/).slice(0, -1);
      return lines.some((line) => line.includes('written ')) ? lines : null;
    },
    { clock: hostClock, deadline_ms: ASK_MS },
  );
  return (told ?? []).flatMap((line) => /(?:seen|written) \/.*/.exec(line) ?? []);
}

test('the function lies over its base runtime, and nobody can write there', async (t) => {
  const dir = await folderFor(t);
  const base = await imageOf(dir, 'base', [
    { name: 'etc/both', text: 'base' },
    { name: 'etc/base', text: 'base' },
  ]);
  const own = [{ name: 'etc/both', text: 'function' }, await lookProgram()];
  const function_image = await imageOf(dir, 'function', own);
  const disks = [
    { serial: PROTOCOL.function_serial, path: function_image },
    { serial: PROTOCOL.base_serial, path: base },
  ];
  const guest = await connectGuest(await launchGuest(t, 'plain', disks));
  const root = '/image/root';
  const files = ['both', 'base', 'none'].map((name) => `${root}/etc/${name}`);
  t.deepEqual(await seen(guest, [`${root}/tmp/x`, ...files]), [
    `seen ${root}/etc/both: function`,
    `seen ${root}/etc/base: base`,
    `seen ${root}/etc/none: No such file or directory`,
    `written ${root}/tmp/x: Read-only file system`,
  ]);
});

test('an image alone is the root as it is', async (t) => {
  const dir = await folderFor(t);
  const path = await imageOf(dir, 'function', [await lookProgram()]);
  const disks = [{ serial: PROTOCOL.function_serial, path }];
  const guest = await connectGuest(await launchGuest(t, 'plain', disks));
  t.deepEqual(await seen(guest, ['/image/root/x', '/image/root/etc/both']), [
    'seen /image/root/etc/both: No such file or directory',
    'written /image/root/x: Read-only file system',
  ]);
});

test('a disk that holds no image is told on the console, and the guest says hello', async (t) => {
  const dir = await folderFor(t);
  const path = join(dir, 'junk');
  await writeFile(path, Buffer.alloc(MIB, 'junk'));
  const disks = [{ serial: PROTOCOL.base_serial, path }];
  const guest = await connectGuest(await launchGuest(t, 'plain', disks));
  // The line goes another way than the hello.
  const told = /hotplane-init: the image hotplane-base cannot be mounted: Invalid/;
  const isTold = async () => (told.test(await guest.console()) ? true : null);
  t.true(await waitFor(isTold, { clock: hostClock, deadline_ms: ASK_MS }), await guest.console());
});
