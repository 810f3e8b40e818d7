import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readAzure2021 } from '../../autoscaler/trace/azure2021.ts';
import { tryLockFile } from '../../base/file-lock.ts';
import { appendPlainFile, openPlainFile, readPlainFile } from '../../base/plain-file.ts';
import { readTail } from '../../hypervisor-client/host/log-tail.ts';
import { readHandle, readIntent } from '../../hypervisor-client/lifecycle/run-dir.ts';
import { acquireLock } from '../../images/cache/lock.ts';
import { healthyRun, writeRun } from '../autoscaler/made-run.ts';

const CLI = new URL('../../cli/main.ts', import.meta.url).pathname;
const SAMPLE = new URL('../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url)
  .pathname;
/** Far more than any of it needs; a read that waits for a writer never ends. */
const DEADLINE_MS = 60_000;

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-plain-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

function pipeAt(path: string): string {
  execFileSync('mkfifo', [path]);
  return path;
}

/** A command line as its own process, which `onStart` may signal. */
async function run(
  args: readonly string[],
  onStart: (child: ReturnType<typeof spawn>) => unknown = () => undefined,
): Promise<{ readonly code: unknown; readonly said: string }> {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  onStart(child);
  const [code] = await once(child, 'close');
  return { code, said };
}

test('what is no file is refused without waiting for a writer', async (t) => {
  const folder = await folderOf(t);
  const pipe = pipeAt(join(folder, 'pipe'));
  const refused = { code: 'HP_FILE_NOT_PLAIN' };
  const { message } = await t.throwsAsync(openPlainFile(pipe), refused);
  t.is(message, `${pipe} is a pipe, not a file.`);
  await t.throwsAsync(readPlainFile(folder), { ...refused, message: /is a folder/ });
  await t.throwsAsync(readPlainFile('/dev/zero'), { ...refused, message: /is a device/ });
  await t.throwsAsync(appendPlainFile(pipe, 0o600), { code: 'ENXIO' });
  await t.throwsAsync(tryLockFile(pipe, ''), refused);
  await t.throwsAsync(acquireLock(pipe, { deadline_ms: 1 }), refused);
  t.is(await readTail(pipe), '');
});

test('pipes for the handle and the intent of a VM are none', async (t) => {
  const folder = await folderOf(t);
  pipeAt(join(folder, 'vm.json'));
  pipeAt(join(folder, 'starting.json'));
  t.is(await readHandle(folder), null);
  t.is(await readIntent(folder), null);
});

test('a trace is read from a pipe, whenever its writer comes', async (t) => {
  const pipe = pipeAt(join(await folderOf(t), 'trace.csv'));
  const reading = readAzure2021(pipe);
  const writer = spawn('dd', [`if=${SAMPLE}`, `of=${pipe}`, 'status=none'], { stdio: 'ignore' });
  await once(writer, 'close');
  const { input } = await reading;
  t.is(input.sha256, (await readAzure2021(SAMPLE)).input.sha256);
  t.is(input.bytes, (await readFile(SAMPLE)).length);
});

test('a trace that is a folder or a device is refused', async (t) => {
  for (const path of ['/dev', '/dev/zero']) {
    await t.throwsAsync(readAzure2021(path), { code: 'HP_TRACE_UNREADABLE' });
  }
});

test('a signal ends the wait for a trace from a pipe', async (t) => {
  const folder = await folderOf(t);
  const pipe = pipeAt(join(folder, 'trace.csv'));
  const stop = new AbortController();
  const reading = readAzure2021(pipe, { signal: stop.signal });
  stop.abort('SIGTERM');
  await t.throwsAsync(reading, { code: 'HP_TRACE_UNREADABLE' });
  const out = join(folder, 'out');
  const { code, said } = await run(['replay', '--trace', pipe, '--out', out], (child) => {
    // Its end opens and closes the pipe once the command waits for it.
    const writer = spawn(
      'sh',
      ['-c', `exec 3>"$0"; kill -TERM "$1"; read x`, pipe, `${child.pid}`],
      {
        stdio: ['pipe', 'ignore', 'ignore'],
      },
    );
    child.once('close', () => writer.stdin.end());
  });
  t.is(code, 130, said);
  t.regex(said, /HP_REPLAY_INTERRUPTED/);
  t.deepEqual(await readdir(folder), ['trace.csv']);
});

for (const name of ['manifest.json', 'load.jsonl', 'invocations.jsonl']) {
  test(`report of a folder whose ${name} is a pipe says so and ends`, async (t) => {
    const folder = await folderOf(t);
    writeRun(folder, healthyRun());
    await rm(join(folder, name));
    pipeAt(join(folder, name));
    const { code, said } = await run(['report', folder]);
    t.is(code, 2, said);
    t.true(said.includes(`HP_FILE_NOT_PLAIN: ${join(folder, name)} is a pipe, not a file.`), said);
    t.false((await readdir(folder)).includes('summary.json'));
  });
}

test('an agent log that is a pipe does not hold up the replay', async (t) => {
  const folder = await folderOf(t);
  pipeAt(join(folder, 'agent.log'));
  const { code, said } = await run(['replay', '--trace', SAMPLE, '--out', folder]);
  t.true(code === 1 || code === 3, said);
});

test('a file made by appending keeps what was in it', async (t) => {
  const path = join(await folderOf(t), 'log');
  await writeFile(path, 'before ');
  await using file = await appendPlainFile(path, 0o600);
  execFileSync('sh', ['-c', 'printf after'], { stdio: ['ignore', file.fd, 'ignore'] });
  t.is(await readPlainFile(path), 'before after');
});
