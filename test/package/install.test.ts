/**
 * Goal: the package works where npm puts it, from JavaScript alone.
 * Method: `npm pack`, unpacked below another project's node_modules; programs and types used there.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { z } from 'zod';
import { EXIT_CODES } from '../../base/errors.ts';
import { MIB } from '../../base/units.ts';
import { readVersion } from '../../base/version.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { installPackage } from './installed.ts';

const CONSUMER = `
import { isHotplaneProblem } from './problem.ts';
import { openHypervisor, readHandle, type Vm } from 'hotplane/hypervisor-client';

const MIB = 1024 * 1024;

export async function grow(vm: Vm): Promise<number | null> {
  const { plugged_at_ms } = await vm.resizeRegion('r0', 256 * MIB, { deadline_ms: 30_000 });
  return plugged_at_ms;
}

try {
  await (await openHypervisor('qemu')).adopt((await readHandle('/none')) ?? never());
} catch (error) {
  if (!isHotplaneProblem(error)) throw error;
}
console.log('typed');

function never(): never {
  throw new Error('no handle');
}

// @ts-expect-error a VMM that there is not
void (() => openHypervisor('vmware'));
`;
/** Somebody's driver held to the suite, which is declared with whatever `test` it is given. */
const TESTER = `
import { existsSync } from 'node:fs';
import { conformance, FakeCloudHypervisor, GUEST_SOURCE, PROFILES, takeGuest, type Target } from 'hotplane/hypervisor-client/testing';
import type { Hypervisor } from 'hotplane/hypervisor-client';

export const targetOf = (driver: Hypervisor, rest: Pick<Target, 'image'>): Target => ({
  ...rest,
  profile: PROFILES[0]!,
  hypervisor: () => driver,
  guest: takeGuest,
  vcpus: 1,
  backing: 'anonymous',
  many_regions: 4,
  partitions: null,
  resize_ms: 60_000,
});

type Declare = Parameters<typeof conformance>[0];
const titles: string[] = [];
const declare = ((title: string) => titles.push(title)) as unknown as Declare;
Object.assign(declare, { serial: declare, after: { always: declare } });
const unused = () => { throw new Error('unused'); };
conformance(declare, targetOf(unused as never, { image: unused }));
console.log(titles.length > 20, existsSync(GUEST_SOURCE), typeof FakeCloudHypervisor);
`;
const PROBLEM = `
export const isHotplaneProblem = (error: unknown): boolean =>
  error instanceof Error && error.message === 'no handle';
`;

test('the installed package runs, has what it needs, and types that hold', async (t) => {
  const { folder, package_dir, tarball_bytes, file_names } = await installPackage(t);
  t.true(tarball_bytes < 3 * MIB, `${tarball_bytes} bytes`);
  const strays = file_names.filter((name) => /^(test|results|setup|docs)\/|\.log$/.test(name));
  t.deepEqual(strays, []);
  t.deepEqual(
    file_names.filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')),
    [],
    'no TypeScript that Node would have to strip',
  );

  const run = async (...args: readonly string[]) =>
    await execa(process.execPath, [join(package_dir, 'bin/hotplane.js'), ...args], {
      cwd: folder,
      env: { HOTPLANE_CACHE: join(folder, 'cache') },
      reject: false,
    });
  const version = await run('--version');
  t.is(version.stdout, `hotplane ${await readVersion()}`, version.stderr);
  t.regex((await run('--help')).stdout, /images build/);
  const list = await run('images', 'list', '--json');
  t.like(JSON.parse(list.stdout), { images: [] }, list.stderr);
  const usage = await run('replay', '--trace', 'none.csv', '--out', 'out');
  t.is(usage.exitCode, EXIT_CODES['usage'], usage.stderr);
  t.regex(usage.stderr, /none\.csv/);
  const unreachable = await run('status', '--socket', join(folder, 'a.sock'));
  t.regex(unreachable.stderr, /HP_AGENT_UNREACHABLE/, 'the API definition is there');

  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  await writeFile(join(folder, 'consumer.ts'), CONSUMER);
  await writeFile(join(folder, 'problem.ts'), PROBLEM);
  await writeFile(join(folder, 'tester.ts'), TESTER);
  const options = ['--module', 'nodenext', '--target', 'es2024', '--strict', '--noEmit'];
  const types = ['--types', 'node', '--allowImportingTsExtensions', '--lib', 'esnext'];
  const tsc = join(PROJECT_ROOT, 'node_modules/.bin/tsc');
  const checked = await execa(tsc, [...options, ...types, 'consumer.ts', 'tester.ts'], {
    cwd: folder,
    reject: false,
  });
  t.is(checked.exitCode, 0, checked.stdout);
  const ran = await execa(process.execPath, ['consumer.ts'], { cwd: folder, reject: false });
  t.is(ran.stdout, 'typed', ran.stderr);
  const tested = await execa(process.execPath, ['tester.ts'], { cwd: folder, reject: false });
  t.is(tested.stdout, 'true true function', tested.stderr);

  const text = await readFile(join(package_dir, 'dist/package.json'), 'utf8');
  const { built } = z
    .object({ built: z.object({ commit: z.string().nullable() }) })
    .parse(JSON.parse(text));
  t.regex(built.commit ?? '0'.repeat(40), /^[0-9a-f]{40}$/);
});
