/** What systemd is told, by the program that tells it: here one that writes down its words. */
import test, { type ExecutionContext } from 'ava';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { ServiceManager, watchdogMs } from '../../cli/service-manager.ts';

const DEADLINE_MS = 60_000;

/** A systemd-notify(1) in a folder of its own, and the lines it was called with. */
async function notifier(t: ExecutionContext, exit_code = 0) {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-notify-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const program = join(dir, 'systemd-notify');
  const told_path = join(dir, 'told');
  await writeFile(
    program,
    `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >> ${told_path}\nexit ${exit_code}\n`,
  );
  await chmod(program, 0o755);
  const told = async (): Promise<string[]> =>
    (await readFile(told_path, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  const lines = (count: number) =>
    waitFor(
      async () => {
        const all = await told();
        return all.length >= count ? all : null;
      },
      { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 50 },
    );
  return { path: `${dir}:/usr/bin:/bin`, lines };
}

function managerOf(path: string, more: NodeJS.ProcessEnv = {}, troubles: string[] = []) {
  const env = { PATH: path, NOTIFY_SOCKET: '/run/n', ...more };
  const onTrouble = (text: string): void => void troubles.push(text);
  const manager = ServiceManager.from({ env, pid: 7, clock: hostClock, onTrouble });
  return { manager, env };
}

test('ready, signs of life at half the time allowed, and the end', async (t) => {
  const { path, lines } = await notifier(t);
  const { manager } = managerOf(path, { WATCHDOG_USEC: '200000', WATCHDOG_PID: '7' });
  manager?.ready('serving on a.sock');
  const told = await lines(4);
  t.true(told?.includes('/run/n READY=1 STATUS=serving on a.sock'));
  t.true((told?.filter((line) => line === '/run/n WATCHDOG=1').length ?? 0) >= 2);
  manager?.stopping();
  const all = await lines((told?.length ?? 0) + 1);
  t.true(all?.some((line) => line === '/run/n STOPPING=1'));
});

test('without a watchdog there are no signs of life', async (t) => {
  const { path, lines } = await notifier(t);
  const { manager } = managerOf(path);
  manager?.ready('x');
  t.deepEqual(await lines(1), ['/run/n READY=1 STATUS=x']);
  manager?.stopping();
  manager?.stopping();
  t.deepEqual(await lines(2), ['/run/n READY=1 STATUS=x', '/run/n STOPPING=1']);
});

test('a message that does not arrive is told, and nothing else happens', async (t) => {
  const { path } = await notifier(t, 1);
  const troubles: string[] = [];
  const { manager } = managerOf(path, {}, troubles);
  manager?.ready('x');
  const told = await waitFor(async () => troubles[0] ?? null, {
    clock: hostClock,
    deadline_ms: DEADLINE_MS,
    longest_pause_ms: 50,
  });
  t.regex(told ?? '', /was not told READY=1: .*exit code 1/);
});

test('where nobody waits there is no manager; its variables go to no child of ours', (t) => {
  t.is(managerOf('', { NOTIFY_SOCKET: '' }).manager, null);
  const { env } = managerOf('', { WATCHDOG_USEC: '1', WATCHDOG_PID: '7' });
  t.deepEqual(Object.keys(env), ['PATH']);
});

for (const [usec, watched, expected] of [
  ['60000000', '7', 30_000],
  ['60000000', '', 30_000],
  ['60000000', '8', null],
  ['0', '7', null],
  ['soon', '7', null],
  ['', '', null],
] as const) {
  test(`WATCHDOG_USEC='${usec}', WATCHDOG_PID='${watched}': every ${expected ?? 'never'}`, (t) => {
    t.is(watchdogMs({ WATCHDOG_USEC: usec, WATCHDOG_PID: watched }, 7), expected);
  });
}
