/** Programs run to their end: what they say, and how they and their children are ended. */
import test, { type ExecutionContext } from 'ava';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { type ProcessIdentity, readStartTicks, waitForEnd } from '../../base/process.ts';
import { runTool, type ToolRun } from '../../base/run-tool.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { waitFor } from '../../base/wait.ts';

const folder = await mkdtemp(join(tmpdir(), 'hotplane-tool-'));
test.after.always(async () => await rm(folder, { recursive: true, force: true }));

function shell(script: string, more: Partial<ToolRun> = {}) {
  const said: string[] = [];
  const end = runTool({
    command: ['sh', '-c', script],
    env: toolEnvironment(),
    onLine: (line, from) => void said.push(`${from} ${line}`),
    deadline_ms: 60_000,
    output_bytes: 1_000_000,
    grace_ms: 5_000,
    ...more,
  });
  return { said, end };
}

test('each line is told with where it was said, a last one without an end too', async (t) => {
  const { said, end } = shell('echo one; echo two >&2; printf three');
  t.deepEqual(await end, { how: 'ended', code: 0, signal: null });
  t.deepEqual(said.toSorted(), ['stderr two', 'stdout one', 'stdout three']);
});

test('how it ended by itself is its exit code or its signal', async (t) => {
  t.deepEqual(await shell('exit 7').end, { how: 'ended', code: 7, signal: null });
  t.deepEqual(await shell('kill -9 $$').end, { how: 'ended', code: null, signal: 'SIGKILL' });
});

/** Two that do not listen to SIGTERM, parent and child, and a note of who the child is. */
const DEAF = (note: string): string =>
  `trap "" TERM; (while :; do read x < /dev/zero; done) & echo $! > ${note}.new;
   mv ${note}.new ${note}; wait; while :; do read x < /dev/zero; done`;

async function childOf(t: ExecutionContext, note: string): Promise<ProcessIdentity> {
  const deadline_ms = 20_000;
  const clock = hostClock;
  t.true(await waitFor(() => (existsSync(note) ? true : null), { clock, deadline_ms }));
  const pid = Number(readFileSync(note, 'utf8'));
  return { pid, start_ticks: (await readStartTicks(pid)) ?? 0 };
}

async function untilGone(t: ExecutionContext, child: ProcessIdentity): Promise<void> {
  t.true(child.start_ticks > 0, 'it was there');
  t.true(await waitForEnd(child, hostClock, 20_000));
}

test('an abort ends a program that does not listen, and its child', async (t) => {
  const note = join(folder, 'aborted');
  const abort = new AbortController();
  const { end } = shell(DEAF(note), { signal: abort.signal, grace_ms: 50 });
  const child = await childOf(t, note);
  abort.abort();
  t.deepEqual(await end, { how: 'aborted' });
  await untilGone(t, child);
});

test('a deadline ends it and its child', async (t) => {
  const note = join(folder, 'late');
  const { end } = shell(DEAF(note), { deadline_ms: 3_000, grace_ms: 50 });
  const child = await childOf(t, note);
  t.deepEqual(await end, { how: 'late' });
  await untilGone(t, child);
});

for (const [what, script] of [
  ['many lines', 'while :; do echo line; done'],
  ['a line without an end', 'while :; do printf word; done'],
  ['complaints', 'while :; do echo oh >&2; done'],
] as const) {
  test(`one that says too much is ended: ${what}`, async (t) => {
    const { end, said } = shell(script, { output_bytes: 100_000, grace_ms: 50 });
    t.deepEqual(await end, { how: 'said-too-much' });
    t.true(said.join('\n').length < 1_000_000);
  });
}

function refuse(line: string): never {
  throw new TypeError(`no such word: ${line.length > 0}`);
}

test('what the listener throws ends the program and is thrown', async (t) => {
  const { end } = shell('echo $$; exec sleep 600', { onLine: refuse });
  await t.throwsAsync(end, { instanceOf: TypeError, message: 'no such word: true' });
});

test('none is started when it is aborted before', async (t) => {
  const { end, said } = shell('echo started', { signal: AbortSignal.abort() });
  t.deepEqual(await end, { how: 'aborted' });
  t.deepEqual(said, []);
});

test('a program that is not there is the error of the system', async (t) => {
  const { end } = shell('', { command: ['/no/such/program'] });
  await t.throwsAsync(end, { code: 'ENOENT' });
});

test('a file is kept open as descriptor 3', async (t) => {
  const kept_fd = openSync(join(folder, 'kept'), 'w');
  const { said, end } = shell('readlink /proc/self/fd/3', { kept_fd });
  t.deepEqual(await end, { how: 'ended', code: 0, signal: null });
  t.deepEqual(said, [`stdout ${join(folder, 'kept')}`]);
});
