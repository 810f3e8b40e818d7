import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startAgentProcess } from '../../autoscaler/replay/agent-process.ts';
import { hostClock } from '../../base/clock.ts';
import { HotplaneError } from '../../base/errors.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { isAlive, type ProcessIdentity, readStartTicks } from '../../base/process.ts';
import { FakeAgent } from './fake-agent.ts';
import { FakeClock } from './fake-clock.ts';

const OWNER = join(PROJECT_ROOT, 'test', 'autoscaler', 'agent-owner.ts');

/** A program in the agent's place: does as told, then writes its pid. */
function stub(t: ExecutionContext, script: string, answers: boolean) {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const pid_path = join(folder, 'pid');
  const seen: { state_dir?: string; closed?: boolean } = {};
  const last = `require('fs').writeFileSync(${JSON.stringify(pid_path)}, String(process.pid));`;
  const api = new FakeAgent({ clock: new FakeClock(), plug_ms: 1, unplug_ms: 1 });
  if (!answers) {
    api.status = async () => {
      throw new Error('connection refused');
    };
  }
  return {
    seen,
    api,
    /** The program once it runs. */
    started: async (): Promise<ProcessIdentity> => {
      await untilWritten(pid_path);
      const pid = Number(readFileSync(pid_path, 'utf8'));
      return { pid, start_ticks: (await readStartTicks(pid)) ?? 0 };
    },
    pid_path,
    options: {
      command: (_socket: string, state_dir: string) => {
        seen.state_dir = state_dir;
        return [process.execPath, '-e', `${script};${last}`];
      },
      connect: () => api,
      log_path: join(folder, 'agent.log'),
      runtime_dir: join(folder, 'run'),
      clock: hostClock,
      onWaiting: () => {},
    },
  };
}

const WAITS = 'setInterval(() => {}, 1000);';

/** A file is there before anything is in it, and an empty one reads as process 0: ourselves. */
async function untilWritten(path: string): Promise<void> {
  while (!existsSync(path) || readFileSync(path, 'utf8') === '') await hostClock.sleep(10);
}

test('an agent that ends at once is one message with its last line, and leaves nothing', async (t) => {
  const script = "console.error('first'); console.error('no such VMM: foo'); process.exit(3);";
  const { options, api, seen } = stub(t, script, false);
  const error = await t.throwsAsync(startAgentProcess(options, new AbortController().signal), {
    instanceOf: HotplaneError,
    message: /it ended with "no such VMM: foo"/,
  });
  t.is(error.code, 'HP_REPLAY_AGENT_START');
  t.is(error.exit_code, 3);
  t.true(error.next.includes(options.log_path));
  t.true(api.closed);
  t.false(existsSync(join(seen.state_dir ?? '/', '..')), 'its folder is gone');
});

test('a program that is not there is an agent that does not start', async (t) => {
  const { options } = stub(t, '', false);
  const error = await t.throwsAsync(
    startAgentProcess(
      { ...options, command: () => ['/nowhere/hotplane'] },
      new AbortController().signal,
    ),
    { instanceOf: HotplaneError },
  );
  t.is(error.code, 'HP_REPLAY_AGENT_START');
  t.regex(error.message, /\/nowhere\/hotplane cannot be run \(.*ENOENT/);
});

test('close ends the agent and removes its folder', async (t) => {
  const { options, started, seen } = stub(t, WAITS, true);
  const session = await startAgentProcess(options, new AbortController().signal);
  const agent = await started();
  t.true(session.is_ours);
  t.true(await isAlive(agent));
  await session.close();
  t.true(agent.start_ticks > 0);
  t.false(await isAlive(agent));
  t.false(existsSync(join(seen.state_dir ?? '/', '..')));
});

test('Ctrl-C while it starts ends it as well', async (t) => {
  const { options, started } = stub(t, WAITS, false);
  const abort = new AbortController();
  const starting = startAgentProcess(options, abort.signal);
  const agent = await started();
  abort.abort();
  await t.throwsAsync(starting, { name: 'AbortError' });
  t.true(agent.start_ticks > 0);
  t.false(await isAlive(agent));
});

test('an agent that does not listen to SIGTERM is gone when close is', async (t) => {
  const script = `process.on('SIGTERM', () => {}); ${WAITS}`;
  const { options, started } = stub(t, script, true);
  /** The half minute it is given takes half a second here. */
  const clock = { ...hostClock, nowMs: () => hostClock.nowMs() * 60 };
  const session = await startAgentProcess({ ...options, clock }, new AbortController().signal);
  const agent = await started();
  await session.close();
  t.true(agent.start_ticks > 0);
  t.false(await isAlive(agent));
});

/** A replay that was killed, and an agent in its care that is well or just coming up. */
for (const [what, answers] of [
  ['serves', true],
  ['is coming up', false],
] as const) {
  test(`an agent that ${what} ends in order when its replay is killed with SIGKILL`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const note = join(folder, 'note');
    const replay = spawn(process.execPath, [OWNER, folder, note, String(answers)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(replay.stdout, 'data');
    t.is(readdirSync(join(folder, 'run')).length, 1);
    replay.kill('SIGKILL');
    await untilWritten(note);
    t.is(readFileSync(note, 'utf8'), 'owner');
    while (readdirSync(join(folder, 'run')).length > 0) await hostClock.sleep(10);
    t.pass('its private folder is gone too');
  });
}

test('a folder whose path is too long for sockets is told before anything starts', async (t) => {
  const { options, pid_path } = stub(t, WAITS, true);
  const runtime_dir = join(options.runtime_dir, 'x'.repeat(75));
  const starting = startAgentProcess({ ...options, runtime_dir }, new AbortController().signal);
  const error = await t.throwsAsync(starting, { instanceOf: HotplaneError });
  t.like(error, { code: 'HP_REPLAY_RUN_FOLDER', exit_code: 2 });
  t.regex(error?.message ?? '', /and a Unix socket takes 107/);
  t.regex(error?.next ?? '', /HOTPLANE_RUNTIME_DIR/);
  t.false(existsSync(pid_path));
  t.false(existsSync(runtime_dir));
});

test('a private agent lives in a folder that only we may write', async (t) => {
  const { options } = stub(t, WAITS, true);
  mkdirSync(options.runtime_dir);
  chmodSync(options.runtime_dir, 0o777);
  const starting = startAgentProcess(options, new AbortController().signal);
  await t.throwsAsync(starting, { code: 'HP_PATH_UNSAFE' });
});
