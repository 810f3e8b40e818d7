/**
 * Goal: whatever is wrong, a user reads one message that names the cause and the next step, gets
 * the documented exit code, and finds nothing left running. Method: real processes.
 */
import { existsSync } from 'node:fs';
import test from 'ava';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { processesOf, runCommand, scratchFolder, socketsOf } from './command.ts';

const HEADER = 'app,func,end_timestamp,duration';

const BAD_TRACES: readonly (readonly [string, string, RegExp])[] = [
  ['a negative duration', `${HEADER}\na,f,10,-1\n`, /line 2.*duration.*-1/],
  ['a field that is no number', `${HEADER}\na,f,10,1\na,f,soon,1\n`, /line 3.*end_timestamp.*soon/],
  ['a missing column', 'app,func,duration\na,f,1\n', /end_timestamp/],
  ['no rows', `${HEADER}\n`, /no invocation|no rows|empty/i],
];

for (const [what, text, message] of BAD_TRACES) {
  test(`a trace with ${what} is refused before anything starts`, async (t) => {
    const folder = await scratchFolder(t);
    const trace = join(folder, 'trace.csv');
    await writeFile(trace, text);
    const ended = await runCommand(['replay', '--trace', trace, '--out', 'out'], { folder });
    t.is(ended.exit_code, 2);
    t.regex(ended.stderr, message);
    t.regex(ended.stderr, /Next: /);
    t.notRegex(ended.stderr, /\n\s+at /);
    t.deepEqual(processesOf(folder), []);
  });
}

test('a trace that is not there is named', async (t) => {
  const folder = await scratchFolder(t);
  const args = ['replay', '--trace', 'nowhere.csv', '--out', 'out'];
  const ended = await runCommand(args, { folder });
  t.is(ended.exit_code, 2);
  t.regex(ended.stderr, /nowhere\.csv/);
  t.notRegex(ended.stderr, /\n\s+at /);
});

test('a kernel tree of another version is refused with what was found', async (t) => {
  const folder = await scratchFolder(t);
  const tree = join(folder, 'linux');
  await mkdir(tree);
  await writeFile(
    join(tree, 'Makefile'),
    'VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 9\nEXTRAVERSION =\n',
  );
  const args = ['images', 'build', '--variant', 'stock', '--kernel-tree', tree];
  const ended = await runCommand(args, { folder });
  t.is(ended.exit_code, 2);
  t.regex(ended.stderr, /HP_IMAGE_KERNEL_VERSION.*6\.1\.9/);
  t.regex(ended.stderr, /Next: /);
});

/** A PATH on which `qemu-system-x86_64` is `script`, or is not at all when that is null. */
async function pathWith(folder: string, script: string | null): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  if (script === null) return bin;
  const program = join(bin, 'qemu-system-x86_64');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  return `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
}

test('without QEMU the message names the package to install', async (t) => {
  const folder = await scratchFolder(t);
  const env = { PATH: await pathWith(folder, null) };
  const socket = join(folder, 'a.sock');
  const args = ['agent', '--vmm', 'qemu', '--socket', socket, '--mechanisms', 'static'];
  const ended = await runCommand(args, { folder, env });
  t.is(ended.exit_code, 3);
  t.regex(ended.stderr, /HP_VMM_MISSING.*qemu-system-x86/);
  t.deepEqual(socketsOf(folder), []);
});

test('a QEMU that dies at start is quoted', async (t) => {
  const folder = await scratchFolder(t);
  const version =
    'case "$1" in --version|-version) echo QEMU emulator version 7.2.22; exit 0;; esac';
  const script = `${version}\necho 'cannot set up guest memory' >&2; exit 1`;
  const env = { PATH: await pathWith(folder, script) };
  const trace = join(folder, 'trace.csv');
  await writeFile(trace, `${HEADER}\na,f,1,0.1\n`);
  const args = ['replay', '--trace', trace, '--functions', '1', '--mechanism', 'static'];
  const ended = await runCommand([...args, '--vmm', 'qemu', '--out', 'out'], { folder, env });
  t.not(ended.exit_code, 0);
  t.regex(ended.stderr, /HP_VMM_START_FAILED[\s\S]*cannot set up guest memory/);
  t.notRegex(ended.stderr, /\n\s+at /);
  t.deepEqual(processesOf(folder), []);
});

test('an agent that is not there leaves no result folder behind', async (t) => {
  const folder = await scratchFolder(t);
  const trace = join(folder, 'trace.csv');
  await writeFile(trace, `${HEADER}\na,f,1,0.1\n`);
  const args = ['replay', '--trace', trace, '--functions', '1', '--out', 'deep/out'];
  const ended = await runCommand([...args, '--agent', join(folder, 'no.sock')], { folder });
  t.is(ended.exit_code, 3, ended.stderr);
  t.regex(ended.stderr, /no agent answers on .*no\.sock.* Next: .*--agent/);
  t.notRegex(ended.stderr, /--socket/);
  t.false(existsSync(join(folder, 'deep')));
});

test('an agent that cannot start is quoted, and leaves no result folder behind', async (t) => {
  const folder = await scratchFolder(t);
  const trace = join(folder, 'trace.csv');
  await writeFile(trace, `${HEADER}\na,f,1,0.1\n`);
  const args = ['replay', '--trace', trace, '--functions', '1', '--vmm', 'no-such-vmm'];
  const ended = await runCommand([...args, '--out', 'deep/out'], { folder });
  t.is(ended.exit_code, 3, ended.stderr);
  t.regex(ended.stderr, /the agent said:[\s\S]*no-such-vmm/);
  t.notRegex(ended.stderr, /agent\.log/);
  t.false(existsSync(join(folder, 'deep')));
  t.deepEqual(processesOf(folder), []);
});
