/**
 * The VM under counted instructions, with a program in QEMU's place that says what the test wants.
 */
import test from 'ava';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { runCounted } from '../../bench/reclaim/measure/counted-vm.ts';

const folder = await mkdtemp(join(tmpdir(), 'hotplane-counted-'));
await mkdir(join(folder, 'bin'));
process.env['PATH'] = `${join(folder, 'bin')}:${process.env['PATH']}`;
const program = join(folder, 'program');
await writeFile(program, 'no program\n');
test.after.always(async () => await rm(folder, { recursive: true, force: true }));

const QEMU = `#!${process.execPath}
const { createServer } = require('node:net');
const { writeFileSync } = require('node:fs');
if (process.argv.includes('--version')) {
  console.log('QEMU emulator version 7.2.22');
  process.exit(0);
}
const say = (name, value) => console.log('[ 1.0] bench-off ' + name + ' ' + value);
/** The first sizes asked for, in order. */
const resizes = (count) => new Promise((done) => {
  const sizes = [];
  const path = /unix:([^,]+)/.exec(process.argv.find((one) => one.startsWith('unix:')))[1];
  createServer((socket) => {
    socket.write('{"QMP":{"version":{},"capabilities":[]}}\\n');
    socket.on('data', (text) => {
      for (const line of String(text).trim().split('\\n')) {
        const { id, execute, arguments: given } = JSON.parse(line);
        socket.write(JSON.stringify({ return: {}, id }) + '\\n');
        if (execute === 'qom-set' && sizes.push(given.value) === count) done(sizes);
      }
    });
  }).listen(path, () => (say('want-plug', 1), say('want-unplug', 1)));
});
process.on('SIGTERM', () => {});
setInterval(() => {}, 1000);
(async () => { SCRIPT })();
`;

async function counted(script: string, signal?: AbortSignal) {
  const path = join(folder, 'bin/qemu-system-x86_64');
  await writeFile(path, QEMU.replace('SCRIPT', script));
  await chmod(path, 0o755);
  const parent_dir = join(folder, 'runs');
  const running = runCounted({
    kernel_path: '/nowhere/kernel',
    partition_bytes: 64 * 1024 * 1024,
    program,
    parent_dir,
    ...(signal ? { signal } : {}),
  });
  return { running, left: async () => await readdir(parent_dir) };
}

test.serial(
  'figures are told in order, sizes are changed when asked for, and nothing is left',
  async (t) => {
    const { running, left } = await counted(
      `say('first', 3); const [plugged, unplugged] = await resizes(2);
     say('plugged', plugged); say('unplugged', unplugged); say('bye', 1);`,
    );
    t.deepEqual(await running, [
      { name: 'first', value: 3 },
      { name: 'plugged', value: 64 * 1024 * 1024 },
      { name: 'unplugged', value: 0 },
    ]);
    t.deepEqual(await left(), []);
  },
);

test.serial('one that ends before its last word is an error with what it said last', async (t) => {
  const { running, left } = await counted(`say('first', 3); console.error('oh'); process.exit(1);`);
  const error = await t.throwsAsync(running, { code: 'HP_BENCH_TOOL' });
  t.regex(error?.message ?? '', /bench-off first 3/);
  t.regex(error?.message ?? '', /\boh\b/);
  t.deepEqual(await left(), []);
});

test.serial('a size that cannot be changed ends it, with the reason', async (t) => {
  const { running } = await counted(`say('want-plug', 1);`);
  const error = await t.throwsAsync(running, { code: 'HP_BENCH_TOOL' });
  t.like(error?.cause, { code: 'HP_QMP_CONNECT' });
});

test.serial('an interrupted one is gone, though it does not listen', async (t) => {
  const note = join(folder, 'pid');
  const abort = new AbortController();
  const { running, left } = await counted(
    `writeFileSync(${JSON.stringify(note)}, String(process.pid));`,
    abort.signal,
  );
  const written = (): true | null =>
    existsSync(note) && readFileSync(note).length > 0 ? true : null;
  t.true(await waitFor(written, { clock: hostClock, deadline_ms: 60_000 }));
  abort.abort(new Error('stopped'));
  await t.throwsAsync(running, { message: 'stopped' });
  t.throws(() => process.kill(Number(readFileSync(note, 'utf8')), 0), { code: 'ESRCH' });
  t.deepEqual(await left(), []);
});
