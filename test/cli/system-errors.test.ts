/**
 * Goal: what the operating system refuses reaches the user as one line with the path and the next
 * step, and the promised exit code; never as a stack.
 * Method: the real commands on folders below files, in folders that are gone, on a full disk and on
 * a read-only one.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { CLI_PROGRAM, PROJECT_ROOT } from '../../base/paths.ts';
import { writeFakeKernel } from '../images/fake-kernel.ts';

const DEADLINE_MS = 60_000;
const TRACE = join(PROJECT_ROOT, 'autoscaler/traces/azure2021/sample_200.csv');

let dir: string;
test.before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hotplane-refused-'));
  await writeFile(join(dir, 'file'), '');
  await writeFakeKernel(dir);
});
test.after.always(async () => await rm(dir, { recursive: true, force: true }));

interface Refused {
  readonly code: number;
  readonly said: string;
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd = dir,
): Promise<Refused> {
  const all = { HOTPLANE_CACHE: join(dir, 'cache'), HOTPLANE_DEBUG: '', ...env };
  const options = { cwd, env: all, reject: false, timeout: DEADLINE_MS } as const;
  const { exitCode, stderr } = await execa(process.execPath, [CLI_PROGRAM, ...args], options);
  return { code: exitCode ?? -1, said: stderr };
}

const BUILD = ['images', 'build', '--variant', 'stock', '--kernel-tree'];

/** Arguments and environment, with `DIR` for the test's folder, and what is said. */
const BELOW_A_FILE: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['state folder', 'agent --state-dir DIR/file/state --socket DIR/a.sock', {}],
  ['socket', 'status --socket DIR/file/a.sock', {}],
  ['results of a replay', `replay --trace ${TRACE} --out DIR/file/out`, {}],
  ['results of the quickstart', 'quickstart --out DIR/file/out', {}],
  ['cache', `${BUILD.join(' ')} DIR/linux`, { HOTPLANE_CACHE: 'DIR/file/cache' }],
];

for (const [what, line, env] of BELOW_A_FILE) {
  test(`the ${what} below a file is told with its path`, async (t) => {
    const here = (text: string): string => text.replaceAll('DIR', dir);
    const given = Object.entries(env).map(([name, value]) => [name, here(value)] as const);
    const { code, said } = await run(line.split(' ').map(here), Object.fromEntries(given));
    t.true(code === 3 || code === 1, said);
    t.regex(said, /HP_(SYSTEM_NOT_A_FOLDER|RESULTS_UNWRITABLE): .*ENOTDIR.* Next: /);
    t.true(said.includes(`${dir}/file/`), said);
    t.false(said.includes('    at '), said);
  });
}

test('a working folder that is gone is named', async (t) => {
  const gone = join(dir, 'gone');
  await mkdir(gone);
  const script = `cd ${gone} && rmdir ${gone} && exec "$@"`;
  const command = [process.execPath, CLI_PROGRAM, 'agent', '--socket', 'a.sock'];
  const ended = await execa('sh', ['-c', script, 'sh', ...command], {
    reject: false,
    timeout: DEADLINE_MS,
  });
  t.is(ended.exitCode, 3, ended.stderr);
  t.regex(ended.stderr, /HP_SYSTEM_WORKING_FOLDER: the working folder is gone/);
  t.false(ended.stderr.includes('    at '), ended.stderr);
});

const root_only = process.getuid?.() === 0 ? test.serial : test.serial.skip;

/** Mounts a small file system, or says that this host does not let us. */
async function mounted(options: string, use: (path: string) => Promise<void>): Promise<boolean> {
  const path = await mkdtemp(join(dir, 'mount-'));
  const mount = await execa('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], {
    reject: false,
  });
  if (mount.failed) return false;
  try {
    await use(path);
  } finally {
    await execa('umount', [path]);
  }
  return true;
}

root_only('a full disk is told with what could not be written', async (t) => {
  const tried = await mounted('size=16k', async (path) => {
    const { code, said } = await run([...BUILD, join(dir, 'linux')], { HOTPLANE_CACHE: path });
    t.is(code, 3, said);
    t.regex(said, /HP_SYSTEM_NO_SPACE: .*the disk is full \(ENOSPC\)\. Next: free space/);
    t.false(said.includes('    at '), said);
  });
  if (!tried) t.pass('this host does not let us mount');
});

root_only('a read-only file system is told as that', async (t) => {
  const tried = await mounted('ro', async (path) => {
    const cases = [
      await run([...BUILD, join(dir, 'linux')], { HOTPLANE_CACHE: join(path, 'cache') }),
      await run(['replay', '--trace', TRACE, '--out', join(path, 'out')]),
      await run(['quickstart'], { HOTPLANE_CACHE: join(path, 'cache') }, path),
    ];
    for (const { code, said } of cases) {
      t.true(code === 3 || code === 1, said);
      t.regex(said, /HP_(SYSTEM_|RESULTS_UNWRITABLE)/);
      t.true(said.includes(path) || said.includes("'results'"), said);
      t.false(said.includes('    at '), said);
    }
  });
  if (!tried) t.pass('this host does not let us mount');
});
