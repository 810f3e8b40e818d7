import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import {
  parseFailures,
  type PlannedFailure,
  planFailures,
} from '../../autoscaler/replay/failures.ts';
import type { Harm } from '../../autoscaler/replay/inject.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { signalVmm } from '../../autoscaler/replay/vmm-process.ts';
import { readManifest, readResults } from '../../autoscaler/results/reader.ts';
import { HotplaneError } from '../../base/errors.ts';
import { holds } from '../seed.ts';
import { rig } from './replay-rig.ts';

const PLAN = { functions: [{ name: 'a' }, { name: 'b' }, { name: 'c' }], load_ms: 60_000 };

const STATE_DIR = '/tmp/hotplane-no-such';

function plan(seed: number, text: string): readonly PlannedFailure[] {
  return planFailures(parseFailures(text), PLAN, seed);
}

test('a failure is asked for by name, time and rank; the last two may be left out', (t) => {
  t.deepEqual(parseFailures('kill-vmm@5/2, stall-vmm,kill-agent@0.5'), [
    { failure: 'kill-vmm', at_ms: 5000, rank: 2 },
    { failure: 'stall-vmm', at_ms: null, rank: null },
    { failure: 'kill-agent', at_ms: 500, rank: null },
  ]);
});

const BAD: readonly (readonly [string, RegExp])[] = [
  ['', /names are kill-vmm, stall-vmm, kill-agent/],
  ['melt-cpu', /names are/],
  ['kill-vmm@', /is needed/],
  ['kill-vmm@-1', /is needed/],
  ['kill-agent/1', /of no function/],
  [Array.from({ length: 65 }, () => 'kill-vmm').join(','), /at most 64/],
];

for (const [text, message] of BAD) {
  test(`--fail "${text.slice(0, 20)}" is refused as usage`, (t) => {
    const error = t.throws(() => parseFailures(text), { instanceOf: HotplaneError, message });
    t.is(error.code, 'HP_REPLAY_OPTION');
  });
}

test('what lies after the load, or has no such function, is refused before anything runs', (t) => {
  t.throws(() => plan(1, 'kill-vmm@61'), { message: /61 s comes after the load of 60 s/ });
  t.throws(() => plan(1, 'kill-vmm@1/4'), { message: /no function of rank 4/ });
  t.throws(() => plan(1, 'kill-vmm@1/0'), { message: /no function of rank 0/ });
});

test('an agent that is not ours is not harmed', (t) => {
  const raw = { trace: 't', out: 'o', fail: 'kill-vmm', agent: '/run/a.sock' };
  t.throws(() => parseReplayOptions(raw), { message: /is not ours to harm/ });
});

test('another seed draws other failures', (t) => {
  const moments = Array.from({ length: 8 }, (_, seed) => plan(seed, 'kill-vmm')[0]?.at_ms);
  t.is(new Set(moments).size, 8);
});

test('what is not said is drawn by the seed, whatever is said of others', async (t) => {
  const seeds = fc.integer({ min: 0, max: 1e6 });
  await holds(
    t,
    fc.property(seeds, (seed) => {
      const drawn = plan(seed, 'kill-vmm,stall-vmm');
      const said = plan(seed, 'kill-vmm@1/1,stall-vmm');
      const stall = (list: typeof drawn) => list.find((one) => one.failure === 'stall-vmm');
      const is_in = drawn.every(({ at_ms }) => at_ms >= 0 && at_ms <= PLAN.load_ms);
      const again = JSON.stringify(plan(seed, 'kill-vmm,stall-vmm')) === JSON.stringify(drawn);
      return is_in && again && JSON.stringify(stall(drawn)) === JSON.stringify(stall(said));
    }),
  );
});

test('each mechanism has the same failures at their times, counted and marked', async (t) => {
  const { out, run, harmed } = rig(t, {}, { fail: 'kill-vmm@2/1,stall-vmm@3/2' });
  const summary = await run();
  const manifest = await readManifest(out);
  for (const { name, failures } of manifest.mechanisms) {
    const told = failures?.map(({ failure, function: of, at_ms, over_at_ms, problem }) => [
      failure,
      of?.slice(0, 3),
      at_ms,
      over_at_ms,
      problem,
    ]);
    const expected = [
      ['kill-vmm', 'f1-', 2000, 2000, null],
      ['stall-vmm', 'f2-', 3000, 9000, null],
    ];
    t.deepEqual(told, expected, name);
  }
  t.deepEqual(
    harmed.map((one) => one.split(' ')[0]),
    ['SIGKILL', 'SIGSTOP', 'SIGCONT', 'SIGKILL', 'SIGSTOP', 'SIGCONT'],
  );
  for (const one of summary.mechanisms) {
    t.deepEqual(one.failures, { injected: 2, not_injected: 0 });
    t.true(one.marks.includes('failures-injected'));
  }
});

test('a run without failures says nothing of them', async (t) => {
  const { out, run } = rig(t, {}, { mechanism: 'static' });
  const [base] = (await run()).mechanisms;
  t.false('failures' in (base ?? {}));
  t.is((await readManifest(out)).mechanisms[0]?.failures, null);
});

test('an agent that is replaced is listened to again, and the run goes on', async (t) => {
  const { out, run, harmed } = rig(t, {}, { fail: 'kill-agent@2', mechanism: 'virtio-mem' });
  const [stock] = (await run()).mechanisms;
  t.deepEqual(harmed, ['replaced']);
  t.is(stock?.status, 'complete');
  const { operations, manifest } = await readResults(out);
  const [failure] = manifest.mechanisms[0]?.failures ?? [];
  t.like(failure, { failure: 'kill-agent', function: null, at_ms: 2000, over_at_ms: 2700 });
  t.true(operations.some(({ decided_at_ms }) => (decided_at_ms ?? 0) > 3000));
});

const HARMLESS: Harm = {
  signalVmm: async () => {
    throw new Error('the VMM of vm1 is not there');
  },
  replaceAgent: async () => {},
};

test('a failure that cannot be brought about says why, and the run goes on', async (t) => {
  const change = {
    openAgent: async () => ({ api: agent, is_ours: true, harm: HARMLESS, close: async () => {} }),
  };
  const { agent, out, run } = rig(
    t,
    {},
    { fail: 'kill-vmm@2/1', mechanism: 'static' },
    true,
    change,
  );
  const [base] = (await run()).mechanisms;
  t.deepEqual(base?.failures, { injected: 0, not_injected: 1 });
  const [failure] = (await readManifest(out)).mechanisms[0]?.failures ?? [];
  t.regex(failure?.problem ?? '', /the VMM of vm1 is not there/);
  t.is(base?.invocations.outcomes.done, 101);
});

test('a signal goes to the VMM of that VM, and to no other process', async (t) => {
  const idle = 'setInterval(() => {}, 1000)';
  const [one, other] = ['vm1', 'vm11'].map((vm_id) =>
    spawn(process.execPath, ['-e', idle, join(STATE_DIR, 'vms', vm_id, 'api.sock')], {
      stdio: 'ignore',
    }),
  );
  t.teardown(() => other?.kill('SIGKILL'));
  await Promise.all([one, other].map(async (child) => child && (await once(child, 'spawn'))));
  const ended = one ? once(one, 'exit') : Promise.resolve([]);
  await signalVmm(STATE_DIR, 'vm1', 'SIGKILL');
  t.deepEqual(await ended, [null, 'SIGKILL']);
  t.is(other?.exitCode, null);
  t.is(other?.signalCode, null);
  await t.throwsAsync(signalVmm(STATE_DIR, 'vm1', 'SIGKILL'), {
    message: 'the VMM of vm1 is not there',
  });
});
