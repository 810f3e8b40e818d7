/** How the life of a VM ends and what is told of it, whatever the VMM. */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { VmLife } from '../../../hypervisor-client/lifecycle/life.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { leastVm } from './vm-spec.ts';

const PANIC = '[    1.0] Kernel panic - not syncing: Fatal exception\r\n';

async function lifeOf(
  t: ExecutionContext,
  console_text: string,
  over_limit_bytes: number | null = null,
): Promise<VmLife> {
  const run_dir = await mkdtemp(join(tmpdir(), 'hotplane-life-'));
  t.teardown(async () => await rm(run_dir, { recursive: true, force: true }));
  const console_path = join(run_dir, 'console.log');
  await writeFile(console_path, console_text);
  return new VmLife({
    handle: {
      schema_version: 2,
      vmm: 'none',
      pid: process.pid,
      pid_start_ticks: 0,
      spec: leastVm(run_dir),
    },
    clock: new FakeClock(),
    console_path,
    files: [],
    exited: async () => await Promise.resolve({ code: 3, signal: null }),
    cgroup: { overLimitBytes: async () => await Promise.resolve(over_limit_bytes) },
  });
}

interface End {
  readonly when: string;
  readonly console_text: string;
  readonly asks_console: boolean;
  readonly news: readonly ('panic' | 'reset')[];
  readonly told: readonly string[];
}

const ENDS: readonly End[] = [
  { when: 'ends', console_text: '', asks_console: true, news: [], told: [] },
  {
    when: 'panics more than once',
    console_text: PANIC,
    asks_console: true,
    news: ['panic', 'panic', 'reset'],
    told: ['guest-panicked'],
  },
  {
    when: 'resets',
    console_text: '',
    asks_console: true,
    news: ['reset'],
    told: ['guest-reset'],
  },
  {
    when: 'resets because it panicked, as its console shows',
    console_text: PANIC,
    asks_console: true,
    news: ['reset'],
    told: ['guest-panicked'],
  },
  {
    when: 'ends without news where the console is not asked',
    console_text: PANIC,
    asks_console: false,
    news: [],
    told: [],
  },
];

for (const { when, console_text, asks_console, news, told } of ENDS) {
  test(`a VM that ${when} is told as ${told[0] ?? 'stopped'}, then as exited`, async (t) => {
    const life = await lifeOf(t, console_text);
    const events = Array.fromAsync(life.events.read());
    for (const one of news) life[one]();
    t.false(life.isOver);
    await life.watch(
      async () => await Promise.resolve(true),
      () => asks_console,
    );
    const seen = await events;
    t.deepEqual(
      seen.map(({ type }) => type),
      [...told, 'exited'],
    );
    t.like(seen.at(-1), { code: 3, signal: null });
    t.is(life.lastState, told[0] === 'guest-panicked' ? 'panicked' : 'stopped');
    t.true(life.isOver);
    t.true(life.stop.aborted);
  });
}

for (const over_limit_bytes of [null, 4_096]) {
  test(`an end tells of the memory limit where that was the cause: ${over_limit_bytes}`, async (t) => {
    const life = await lifeOf(t, '', over_limit_bytes);
    const events = Array.fromAsync(life.events.read());
    await life.watch(
      async () => await Promise.resolve(true),
      () => false,
    );
    const [end] = await events;
    const over = over_limit_bytes === null ? {} : { over_limit_bytes };
    t.deepEqual(end, { type: 'exited', at_ms: end?.at_ms ?? 0, code: 3, signal: null, ...over });
  });
}

test('a VM that is released is held no more, and its end is not told', async (t) => {
  const life = await lifeOf(t, '');
  t.notThrows(() => life.assertHeld());
  const events = Array.fromAsync(life.events.read());
  life.release();
  t.true(life.stop.aborted);
  await life.watch(
    async () => await Promise.resolve(false),
    () => true,
  );
  t.deepEqual(await events, []);
  t.false(life.isOver);
  t.true(
    hasCode(
      t.throws(() => life.assertHeld()),
      'HP_VMM_RELEASED',
    ),
  );
  const late = await t.throwsAsync(life.shutdown(async () => await Promise.resolve()));
  t.true(hasCode(late, 'HP_VMM_RELEASED'));
});

test('a VM is ended once, whoever asks, and all are told how that went', async (t) => {
  const life = await lifeOf(t, '');
  let ended = 0;
  const end = async (): Promise<void> => {
    ended += 1;
    await Promise.reject(new Error('would not'));
  };
  const asked = [life.shutdown(end), life.shutdown(end)];
  for (const one of asked) await t.throwsAsync(one, { message: 'would not' });
  t.is(ended, 1);
  life.release();
});
