/**
 * Goal: what a user exported for work of his own neither changes what is built nor is written to.
 * Method: `hotplane images build` with the real make, on a tree that heeds what the kernel heeds.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { toolEnvironment, vmmEnvironment } from '../../base/tool-environment.ts';
import { world } from './build-world.ts';

/** Variables that change make, the kernel's build, the compiler, the shell or the tools of GNU. */
function hostile(folder: string): Record<string, string> {
  return {
    KBUILD_OUTPUT: folder,
    O: folder,
    KBUILD_EXTMOD: folder,
    KBUILD_BUILD_USER: 'somebody',
    KCONFIG_ALLCONFIG: join(folder, '.config'),
    KCONFIG_CONFIG: join(folder, '.config'),
    KCFLAGS: '-O3',
    KCPPFLAGS: '-DX',
    LOCALVERSION: '-mine',
    MAKEFLAGS: 'n',
    MFLAGS: '-n',
    MAKEFILES: join(folder, 'extra.mk'),
    GNUMAKEFLAGS: '--dry-run',
    ARCH: 'arm64',
    CROSS_COMPILE: 'aarch64-linux-gnu-',
    CC: 'clang',
    HOSTCC: 'false',
    CFLAGS: '-O0',
    LDFLAGS: '-Wl,-x',
    CPATH: folder,
    C_INCLUDE_PATH: folder,
    LIBRARY_PATH: folder,
    COMPILER_PATH: folder,
    GCC_EXEC_PREFIX: folder,
    LC_ALL: 'de_DE.UTF-8',
    LANGUAGE: 'de',
    GREP_OPTIONS: '--invert-match',
    TAR_OPTIONS: '--verbose --checkpoint=1',
    XZ_OPT: '--nonsense',
    XZ_DEFAULTS: '--nonsense',
    POSIXLY_CORRECT: '1',
    VERSION_CONTROL: 'numbered',
    CDPATH: '/',
    BASH_ENV: join(folder, 'rc.sh'),
    ENV: join(folder, 'rc.sh'),
    LD_PRELOAD: join(folder, 'none.so'),
    GIT_DIR: folder,
  };
}

test('a build with everything exported gives the same kernel and writes nothing of the user', async (t) => {
  const { dir, kernel, cache_dir, build } = await world(t);
  const plain = await readFile((await build()).kernel_path, 'utf8');
  const mine = join(dir, 'mine');
  await mkdir(mine);
  await writeFile(join(mine, '.config'), 'CONFIG_MINE=y\n');
  await writeFile(join(mine, 'rc.sh'), `touch ${mine}/ran\n`);
  await writeFile(join(mine, 'extra.mk'), `$(shell touch ${mine}/made)\n`);
  const args = ['images', 'build', '--variant', 'stock', '--kernel-tree', kernel.tree, '--json'];
  const { LD_PRELOAD: _, ...exported } = hostile(mine);
  const built = await execa(process.execPath, [join(PROJECT_ROOT, 'cli/main.ts'), ...args], {
    env: { ...exported, HOTPLANE_CACHE: `${cache_dir}-2` },
    reject: false,
  });
  t.is(built.exitCode, 0, built.stderr);
  const { images } = JSON.parse(built.stdout);
  t.is(await readFile(images[0].kernel_path, 'utf8'), plain);
  t.is(await readFile(join(mine, '.config'), 'utf8'), 'CONFIG_MINE=y\n');
  t.deepEqual((await readdir(mine)).toSorted(), ['.config', 'extra.mk', 'rc.sh']);
});

test('a tool is told where it is, how to reach the network, and nothing else', (t) => {
  const wanted = { PATH: '/opt/bin:/bin', HOME: '/home/me', https_proxy: 'http://proxy:3128' };
  const given = { ...hostile('/mine'), ...wanted, NODE_OPTIONS: '--inspect', TMPDIR: '' };
  t.deepEqual(toolEnvironment({}, given), { ...wanted, LC_ALL: 'C' });
  t.deepEqual(toolEnvironment({ ARCH: 'x86' }, given), { ...wanted, LC_ALL: 'C', ARCH: 'x86' });
});

function pathOf(PATH: string): string {
  return toolEnvironment({}, { PATH })['PATH'] ?? '';
}

test('PATH names the same programs in every working folder', (t) => {
  t.is(pathOf('.:/opt/bin::node_modules/.bin:/bin'), '/opt/bin:/bin');
  for (const useless of ['', '.', 'bin']) t.regex(pathOf(useless), /:\/usr\/bin:/);
});

test('a VMM may have libraries of its own, and nothing is loaded into it', (t) => {
  const given = { ...hostile('/mine'), PATH: '/bin', LD_LIBRARY_PATH: '/opt/qemu/lib' };
  const wanted = { PATH: '/bin', LC_ALL: 'C', LD_LIBRARY_PATH: '/opt/qemu/lib' };
  t.deepEqual(vmmEnvironment(given), wanted);
});
