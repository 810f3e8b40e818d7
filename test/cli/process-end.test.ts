/**
 * Goal: whatever ends a process, it ends in order, and with the exit code that is promised.
 * Method: real processes, real pipes and devices, around commands that note their own end.
 */
import { execa } from 'execa';
import test, { type ExecutionContext } from 'ava';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { EXIT_CODES } from '../../base/errors.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { waitFor } from '../../base/wait.ts';

const PROGRAM = join(PROJECT_ROOT, 'test', 'cli', 'fixture', 'program.ts');
const LAUNCHER = join(PROJECT_ROOT, 'bin', 'hotplane.js');

async function notePath(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-end-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return join(folder, 'note');
}

interface Begun {
  readonly note: () => string | null;
  readonly out: () => string;
  readonly err: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly pid: number;
  readonly exit_code: Promise<number | null>;
}

/** Starts a command of the fixture and waits until it says that it works. */
async function begin(
  t: ExecutionContext,
  command: string,
  options: { readonly prefix?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Begun> {
  const note = await notePath(t);
  const argv = [...(options.prefix ?? []), process.execPath, PROGRAM, note, command];
  const [file = '', ...rest] = argv;
  const env = { ...process.env, _: '', ...options.env };
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], env });
  t.teardown(() => void child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const exit_code = once(child, 'close').then(() => child.exitCode);
  await until(() => out.includes('working'));
  return {
    note: () => (existsSync(note) ? readFileSync(note, 'utf8') : null),
    out: () => out,
    err: () => err,
    kill: (signal) => void child.kill(signal),
    pid: child.pid ?? 0,
    exit_code,
  };
}

async function until(condition: () => boolean): Promise<void> {
  const reached = await waitFor(() => (condition() ? true : null), {
    clock: hostClock,
    deadline_ms: 60_000,
  });
  if (!reached) throw new Error('the state waited for did not come');
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test.serial(`the first ${signal} ends a command in order`, async (t) => {
    const running = await begin(t, 'work');
    running.kill(signal);
    t.is(await running.exit_code, 0);
    t.is(running.note(), signal);
  });
}

test.serial(
  'a command that only waits says nothing of its end, and ends as interrupted',
  async (t) => {
    const running = await begin(t, 'wait');
    running.kill('SIGINT');
    t.is(await running.exit_code, EXIT_CODES.interrupted);
    t.is(running.err(), '');
  },
);

for (const [first, second, code] of [
  ['SIGTERM', 'SIGINT', 130],
  ['SIGINT', 'SIGTERM', 143],
  ['SIGTERM', 'SIGHUP', 129],
] as const) {
  test.serial(
    `a ${second} after a ${first} ends at once with ${code} and says what is left`,
    async (t) => {
      const running = await begin(t, 'stuck');
      running.kill(first);
      await until(() => running.out().includes('ending'));
      running.kill(second);
      t.is(await running.exit_code, code);
      t.regex(
        running.err(),
        new RegExp(`another signal \\(${second}\\)\\. One VM is left: vm1\\.`),
      );
    },
  );
}

test.serial(
  'a service goes on when its terminal hangs up, and ends in order after SIGTERM',
  async (t) => {
    const running = await begin(t, 'serve');
    running.kill('SIGHUP');
    const length = running.err().length;
    await until(() => running.err().length > length);
    running.kill('SIGTERM');
    t.is(await running.exit_code, 0);
    t.is(running.note(), 'SIGTERM');
  },
);

test.serial('a command under nohup goes on when the terminal hangs up', async (t) => {
  const running = await begin(t, 'work', { prefix: ['nohup'], env: { _: '/usr/bin/nohup' } });
  running.kill('SIGHUP');
  const length = running.err().length;
  await until(() => running.err().length > length);
  t.is(running.note(), null);
  running.kill('SIGINT');
  t.is(await running.exit_code, 0);
  t.is(running.note(), 'SIGINT');
});

for (const [command, text] of [
  ['throw', 'nobody catches this'],
  ['reject', 'nobody awaits this'],
] as const) {
  test.serial(
    `an error that nobody handles (${command}) is told and ends in order with 1`,
    async (t) => {
      const running = await begin(t, command);
      t.is(await running.exit_code, 1);
      t.regex(running.err(), new RegExp(`^hotplane: ${text}$`, 'm'));
      t.is(running.note(), `Error: ${text}`);
    },
  );
}

/** What a shell puts behind stderr, and whether the command may notice: never. */
const STDERRS: readonly (readonly [string, string])[] = [
  ['a reader that ends', '2> >(head -1 >/dev/null)'],
  ['a full disk', '2>/dev/full'],
  ['nothing', '2>&-'],
];
for (const command of ['work', 'serve'] as const) {
  for (const [what, redirection] of STDERRS) {
    test.serial(`'${command}' with ${what} behind stderr works on and ends in order`, async (t) => {
      const running = await begin(t, command, {
        prefix: ['bash', '-c', `exec "$@" ${redirection}`, 'bash'],
      });
      await until(() => running.out().includes('logged'));
      t.is(running.note(), null);
      running.kill('SIGTERM');
      t.is(await running.exit_code, 0);
      t.is(running.note(), 'SIGTERM');
    });
  }
}

test.serial('a reader of stderr that stops reading blocks nobody', async (t) => {
  const note = await notePath(t);
  const child = spawn(process.execPath, [PROGRAM, note, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  const [first] = await once(child.stdout, 'data');
  t.is(String(first), 'working\n');
  child.stderr.pause();
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.is(code, 0);
  t.is(readFileSync(note, 'utf8'), 'SIGTERM');
});

/** Arguments of real commands that print, and the exit code with a stdout that takes nothing. */
for (const line of ['--help', '--version', 'status --help', 'help replay']) {
  test.serial(`'${line} >/dev/full' is lost output: exit 1 with the reason`, async (t) => {
    const ended = await execa(
      'bash',
      ['-c', `"$0" "$@" >/dev/full`, process.execPath, LAUNCHER, ...line.split(' ')],
      { reject: false },
    );
    t.is(ended.exitCode, 1);
    t.regex(ended.stderr, /^hotplane: HP_CLI_OUTPUT_LOST: .*ENOSPC.* Next: /);
  });
}

test.serial('a service does not fail by a stdout that takes nothing', async (t) => {
  const note = await notePath(t);
  const child = spawn(
    'bash',
    ['-c', 'exec "$@" >/dev/full', 'bash', process.execPath, PROGRAM, note, 'serve'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  t.teardown(() => void child.kill('SIGKILL'));
  await once(child.stderr, 'data');
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.is(code, 0);
  t.is(readFileSync(note, 'utf8'), 'SIGTERM');
});

test.serial('a reader of stdout that goes away is no error', async (t) => {
  const note = await notePath(t);
  const script = '"$0" "$@" | head -c 10; echo " ${PIPESTATUS[0]}"';
  const { stdout } = await execa('bash', ['-c', script, process.execPath, PROGRAM, note, 'print']);
  t.is(stdout, 'xxxxxxxxxx 0');
});

test.serial('a slow reader of stdout gets all of it', async (t) => {
  const note = await notePath(t);
  const script = '"$0" "$@" | (sleep 0.3; wc -c)';
  const { stdout } = await execa('bash', ['-c', script, process.execPath, PROGRAM, note, 'print']);
  t.is(stdout.trim(), '300000');
});

test.serial('a process whose owner is killed ends in order', async (t) => {
  const note = await notePath(t);
  const owner_script = `
    const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify([PROGRAM, note, 'serve'])}, {
      stdio: ['ignore', 'inherit', 'ignore', 'pipe'], detached: true,
      env: { ...process.env, HOTPLANE_OWNER_FD: '3' } });
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['-e', owner_script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => void owner.kill('SIGKILL'));
  await once(owner.stdout, 'data');
  owner.kill('SIGKILL');
  await until(() => existsSync(note) && readFileSync(note, 'utf8') !== '');
  t.is(readFileSync(note, 'utf8'), 'owner');
});

test.serial('the launcher is the process itself: its pid is the one that serves', async (t) => {
  const folder = dirname(await notePath(t));
  const args = ['agent', '--socket', join(folder, 'no'.repeat(100)), '--state-dir', folder];
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => void child.kill('SIGKILL'));
  child.stderr.resume();
  await once(child, 'exit');
  // Who locked the state folder, which comes before the socket.
  const { pid } = JSON.parse(readFileSync(join(folder, 'agent.json'), 'utf8'));
  t.is(pid, child.pid);
});
