/**
 * Goal: what others do on the machine is told apart from what replay, agent and VMs do themselves.
 * Method: texts as proc(5) has them, then real processes that burn CPU for a bounded time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import {
  loadBetween,
  type LoadSample,
  parseCpuTicks,
  parseMeminfo,
  parsePressureSome,
  parseProcessTicks,
} from '../../autoscaler/replay/load.ts';
import { observeLoad, treeTicks } from '../../autoscaler/replay/load-observer.ts';

const NOTHING: LoadSample = {
  at_ms: 0,
  cpu: null,
  own_ticks: null,
  psi_cpu_some_us: null,
  psi_memory_some_us: null,
  mem_available_bytes: null,
  event_loop_lag_ms: null,
};

test('CPU time is counted once: guest is a part of user, waiting for a disk is idle', (t) => {
  const text = 'cpu  100 10 50 700 40 5 5 20 90 3\ncpu0 1 2 3\n';
  t.deepEqual(parseCpuTicks(text), { total: 930, idle: 740, steal: 20 });
  t.deepEqual(parseCpuTicks('cpu 1 2 3 4 5\n'), { total: 15, idle: 9, steal: 0 });
  for (const bad of ['', 'cpu', 'cpu 1 2 x 4 5', 'intr 1 2 3 4 5']) {
    t.is(parseCpuTicks(bad), null, bad);
  }
});

test('a process is told with its ended children, whatever its name', (t) => {
  const rest = 'S 1 2 3 4 5 6 7 8 9 10 100 20 30 4 20 0';
  t.is(parseProcessTicks(`42 (qemu) ${rest}`), 154);
  t.is(parseProcessTicks(`42 (a) b (c) ${rest}`), 154);
  t.is(parseProcessTicks('42 (gone)'), null);
});

test('pressure and memory are read by name, and not known without it', (t) => {
  const pressure = 'some avg10=1.00 avg60=0.50 avg300=0.10 total=123456\nfull avg10=0 total=7\n';
  t.is(parsePressureSome(pressure), 123_456);
  t.is(parsePressureSome(''), null);
  t.is(parseMeminfo('MemTotal: 8 kB\nMemAvailable:    2048 kB\n', 'MemAvailable'), 2 ** 21);
  t.is(parseMeminfo('MemTotal: 8 kB\n', 'MemAvailable'), null);
});

test('others are what was busy and neither stolen nor ours', (t) => {
  const before = { ...NOTHING, cpu: { total: 1000, idle: 500, steal: 10 }, own_ticks: 100 };
  const after = {
    ...NOTHING,
    at_ms: 1000,
    cpu: { total: 1200, idle: 580, steal: 20 },
    own_ticks: 150,
    psi_cpu_some_us: 5,
    event_loop_lag_ms: 3,
  };
  t.deepEqual(loadBetween(before, after), {
    interval_ms: 1000,
    own_cpu_share: 0.25,
    other_cpu_share: 0.3,
    steal_share: 0.05,
    psi_cpu_some_share: null,
    psi_memory_some_share: null,
    event_loop_lag_ms: 3,
    mem_available_bytes: null,
  });
});

const CPU = { total: 1000, idle: 500, steal: 10 };
const LATER = { total: 1200, idle: 580, steal: 20 };
const UNKNOWN: readonly (readonly [string, Partial<LoadSample>, Partial<LoadSample>])[] = [
  ['the agent’s processes are not known', { cpu: CPU }, { cpu: LATER }],
  ['our own ticks ran backwards', { cpu: CPU, own_ticks: 9 }, { cpu: LATER, own_ticks: 8 }],
  ['the machine tells no CPU time', { own_ticks: 1 }, { own_ticks: 2 }],
  ['no tick passed', { cpu: CPU, own_ticks: 1 }, { cpu: CPU, own_ticks: 1 }],
];

for (const [what, before, after] of UNKNOWN) {
  test(`shares are null, not 0, when ${what}`, (t) => {
    const seen = loadBetween({ ...NOTHING, ...before }, { ...NOTHING, at_ms: 1000, ...after });
    t.is(seen.other_cpu_share, null);
    t.is(seen.own_cpu_share, null);
  });
}

test('an agent whose processes cannot be read is not known', (t) => {
  t.is(treeTicks([process.pid, 2 ** 22 + 1]), null);
  t.true((treeTicks([process.pid]) ?? 0) > 0);
});

const BURN = 'const end = Date.now() + 20_000; while (Date.now() < end) {}';

/**
 * The pid of a shell, no child of ours, whose child burns a CPU until it is ended: 20 s at most.
 */
async function hog(t: ExecutionContext): Promise<number> {
  const inner = `exec 1>&-; ${process.execPath} -e '${BURN}'; true`;
  const child = spawn('setsid', ['-f', '/bin/sh', '-c', `echo $$; ${inner}`]);
  const [line]: unknown[] = await once(child.stdout, 'data');
  const pid = Number(String(line));
  // It leads a process group, to which the one that burns belongs.
  t.teardown(() => process.kill(-pid, 'SIGKILL'));
  return pid;
}

test.serial(
  'a hog beside us is the others’; the same hog below the agent is our own',
  async (t) => {
    const shell = await hog(t);
    const burnt = (ticks: number) => (): true | null => (treeTicks([shell]) ?? 0) > ticks || null;
    const wait = { clock: hostClock, deadline_ms: 15_000 };
    t.true(await waitFor(burnt(20), wait), 'it burns');
    const load = observeLoad(hostClock);
    t.teardown(() => load.close());
    const before = { beside: load.look([process.pid]), below: load.look([shell]) };
    t.true(await waitFor(burnt((treeTicks([shell]) ?? 0) + 50), wait));
    const beside = loadBetween(before.beside, load.look([process.pid]));
    const below = loadBetween(before.below, load.look([shell]));
    t.true((beside.other_cpu_share ?? 0) > 0.05, JSON.stringify(beside));
    t.true((below.own_cpu_share ?? 0) > (beside.own_cpu_share ?? 1) + 0.05, JSON.stringify(below));
    t.true((below.other_cpu_share ?? 1) < (beside.other_cpu_share ?? 0), JSON.stringify(below));
  },
);

test.serial('the CPU of a child that ended is not lost', async (t) => {
  const child = spawn(process.execPath, [
    '-e',
    'const e = Date.now() + 400; while (Date.now() < e) {}',
  ]);
  const before = treeTicks([process.pid]) ?? 0;
  await once(child, 'exit');
  t.true((treeTicks([process.pid]) ?? 0) >= before);
});

test.serial('an event loop that was held up is told, once', async (t) => {
  const load = observeLoad(hostClock);
  t.teardown(() => load.close());
  await hostClock.sleep(50);
  load.look(null);
  const end_ms = hostClock.nowMs() + 200;
  while (hostClock.nowMs() < end_ms);
  await hostClock.sleep(50);
  const { event_loop_lag_ms } = load.look(null);
  t.true((event_loop_lag_ms ?? 0) > 100, String(event_loop_lag_ms));
});
