import { Buffer } from 'node:buffer';
import test from 'ava';
import { assignProfiles } from '../../autoscaler/workload-model/assign.ts';
import { HOTMEM_PAPER } from '../../autoscaler/workload-model/models.ts';
import { sizeFunction } from '../../autoscaler/workload-model/size.ts';
import { commandOfAgent } from '../../autoscaler/replay/command.ts';
import { REPLAY_OPTIONS } from '../../autoscaler/replay/option-table.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import {
  buildPlan,
  deploySpec,
  type PlannedArrival,
  type PlanOptions,
} from '../../autoscaler/replay/plan.ts';
import type { Work } from '../../agent/model/work.ts';
import { AZURE2021_HEADER, parseAzure2021 } from '../../autoscaler/trace/azure2021.ts';
import { selectMostInvoked } from '../../autoscaler/trace/select.ts';
import { HotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { REPLAY_LIMITS } from '../../autoscaler/replay/limits.ts';
import { MIB } from '../../base/units.ts';

const SIZING = {
  scale: 1,
  touched_share: 0.5,
  file_share: 0.1,
  most_vcpus: 2,
  boot_base_bytes: 0,
};
const OPTIONS: PlanOptions = {
  keep_alive_ms: 12_000,
  speedup: 10,
  warm_up_ms: 0,
  gap_scale: 1,
  duration_scale: 1,
  model: HOTMEM_PAPER,
  mapping: 'rank',
  seed: 1,
  sizing: SIZING,
  concurrency: 4,
  cpu_share: 0.25,
  course: 'flat',
};

function workOf({ task }: PlannedArrival): Work | null {
  return task.kind === 'emulated' ? task.work : null;
}

async function selection() {
  const text = `${AZURE2021_HEADER}\na,Fa_1,30,10\na,Fa_1,65,5\nb,g,42,2\n`;
  return selectMostInvoked(await parseAzure2021([Buffer.from(text)], 'x'), 2);
}

test('speed-up divides gaps, durations and keep-alive alike', async (t) => {
  const plan = buildPlan(await selection(), OPTIONS);
  t.deepEqual(
    plan.arrivals.map((one) => [one.at_ms, one.duration_ms, workOf(one)?.cpu_ms]),
    [
      [0, 1000, 250],
      [2000, 200, 50],
      [4000, 500, 125],
    ],
  );
  t.true(plan.functions.every((one) => one.keep_alive_ms === 12_000));
  t.is(plan.load_ms, 4500);
  t.is(plan.window_ms, 4500 + 12_000 + REPLAY_LIMITS.window_margin_least_ms);
});

test('a measured window ends a tenth of its load later, within two and five seconds', async (t) => {
  for (const [speedup, load_ms, margin_ms] of [
    [10, 4_500, 2_000],
    [1, 45_000, 4_500],
    [0.5, 90_000, 5_000],
  ] as const) {
    const plan = buildPlan(await selection(), { ...OPTIONS, speedup });
    t.deepEqual([plan.load_ms, plan.window_margin_ms], [load_ms, margin_ms]);
    t.is(plan.window_ms, load_ms + OPTIONS.keep_alive_ms + margin_ms);
  }
});

test('gaps and durations are scaled apart, and the need of instances follows', async (t) => {
  const plan = buildPlan(await selection(), { ...OPTIONS, gap_scale: 0.1, duration_scale: 3 });
  t.deepEqual(
    plan.arrivals.map((one) => [one.at_ms, one.duration_ms, workOf(one)?.cpu_ms]),
    [
      [0, 3000, 750],
      [200, 600, 150],
      [400, 1500, 375],
    ],
  );
  t.deepEqual(
    plan.functions.map((one) => one.peak_concurrency),
    [2, 1],
    'two calls of the first now overlap',
  );
});

test('an invocation that trains has its peak in the middle, and memory follows its use', async (t) => {
  const plan = buildPlan(await selection(), { ...OPTIONS, course: 'train' });
  const [first] = plan.functions;
  const [arrival] = plan.arrivals;
  const { anonymous_bytes, phases = [] } = (arrival && workOf(arrival)) ?? { anonymous_bytes: 0 };
  const most = Math.max(...phases.map((phase) => phase.anonymous_bytes));
  t.is(most, first?.anonymous_bytes ?? 0);
  t.true(anonymous_bytes < most / 5);
  t.true(phases.every(({ at_ms }) => at_ms > 0 && at_ms < 1_000));
  if (!first) return;
  const memory = { baseline_bytes: 64 * 1024 * MIB, increment_bytes: null } as const;
  const follows = { ...memory, history: false, grow_wait_ms: null, expression: null };
  const guest = { backing: 'memfd', init_on_alloc: true, guest_huge_pages: false } as const;
  t.is(deploySpec(first, 'static', { ...guest, memory: follows }).memory, null);
  const baseline_bytes = first.limit_bytes;
  t.deepEqual(deploySpec(first, 'hotmem', { ...guest, memory: follows }).memory, {
    ...follows,
    baseline_bytes,
  });
});

test('every mechanism is deployed with the same sizes and a name the agent accepts', async (t) => {
  const plan = buildPlan(await selection(), OPTIONS);
  const [first] = plan.functions;
  t.truthy(first);
  if (!first) return;
  t.is(first.name, 'f1-cnn-fa1');
  t.regex(first.name, /^[a-z0-9][a-z0-9-]{0,62}$/);
  const guest = {
    backing: 'memfd',
    init_on_alloc: true,
    guest_huge_pages: false,
    memory: null,
  } as const;
  const one = deploySpec(first, 'static', guest);
  const two = deploySpec(first, 'hotmem', guest);
  t.deepEqual({ ...one, mechanism: '' }, { ...two, mechanism: '' });
  t.like(one, { limit_bytes: 768 * MIB, concurrency: 4, backing: 'memfd', init_on_alloc: true });
});

test('a peak above what one VM can have is planned as that, and told', async (t) => {
  const rows = Array.from(
    { length: LIMITS.regions_per_vm + 8 },
    (_, index) => `a,f,${100 + index / 1000},90`,
  );
  const text = `${AZURE2021_HEADER}\n${rows.join('\n')}\n`;
  const many = selectMostInvoked(await parseAzure2021([Buffer.from(text)], 'x'), 1);
  const [one] = buildPlan(many, { ...OPTIONS, concurrency: 'peak' }).functions;
  t.is(one?.concurrency, LIMITS.regions_per_vm);
  t.is(one?.peak_concurrency, LIMITS.regions_per_vm + 8);
});

test('hotmem-paper gives sizes by rank, in order, and starts over', (t) => {
  const names = assignProfiles(HOTMEM_PAPER, 6, 'rank', 7).map((one) => one.name);
  t.deepEqual(names, ['cnn', 'bert', 'bfs', 'html', 'cnn', 'bert']);
});

function draw(seed: number): string {
  return assignProfiles(HOTMEM_PAPER, 64, 'random', seed)
    .map((one) => one.name)
    .join();
}

test('a random map depends on the seed and nothing else', (t) => {
  t.is(draw(1), draw(1));
  t.not(draw(1), draw(2));
});

for (const [scale, limit_mib] of [
  [1, 768],
  [0.5, 384],
  [0.2, 256],
  [0.01, 128],
  [1.01, 896],
] as const) {
  test(`a scale of ${scale} rounds 768 MiB up to ${limit_mib} MiB of whole memory blocks`, (t) => {
    const profile = HOTMEM_PAPER.profiles[0];
    if (!profile) throw new Error('the model has no profiles');
    const size = sizeFunction(profile, { ...SIZING, scale }, 4);
    t.is(size.limit_bytes, limit_mib * MIB);
    t.is(size.anonymous_bytes, Math.floor((size.limit_bytes * 0.5) / 4096) * 4096);
    t.true(size.anonymous_bytes + size.file_bytes <= size.limit_bytes);
    t.is(size.boot_bytes % (128 * MIB), 0);
    t.is(size.vcpus, 2);
  });
}

const GIVEN = { trace: 't.csv', out: 'out' };

test('defaults are those the help prints', (t) => {
  const options = parseReplayOptions(GIVEN);
  t.deepEqual(options.mechanisms, REPLAY_OPTIONS.mechanism.default.split(','));
  t.is(options.keep_alive_s, 120);
  t.is(options.memory_model.name, 'hotmem-paper');
  t.is(options.agent, null);
});

test('a policy that is named is that of the agent that is started, and of no other', (t) => {
  const named = commandOfAgent(parseReplayOptions({ ...GIVEN, policy: 'knative' }), 's', 'd');
  t.deepEqual(named.slice(-2), ['--policy', 'knative']);
  t.false(commandOfAgent(parseReplayOptions(GIVEN), 's', 'd').includes('--policy'));
  const beside = { ...GIVEN, policy: 'knative', agent: '/run/agent.sock' };
  t.throws(() => parseReplayOptions(beside), { message: /--agent.* has a policy of its own/ });
});

const BAD: readonly (readonly [string, string, RegExp])[] = [
  ['trace', '', /--trace/],
  ['mechanism', 'static,magic', /"magic" is not one of/],
  ['mechanism', 'static,static', /named once/],
  ['mechanism', '', /--mechanism/],
  ['speedup', '0', /above 0/],
  ['gap-scale', '0', /above 0/],
  ['duration-scale', 'x', /a number from/],
  ['rounds', '0', /from 1 to/],
  ['speedup', '-3', /a number from/],
  ['speedup', 'fast', /a number from/],
  ['functions', '1.5', /whole number/],
  ['functions', '0', /from 1 to/],
  ['concurrency', '1000', new RegExp(`from 1 to ${LIMITS.regions_per_vm}`)],
  ['memory-model', 'guess', /one of hotmem-paper/],
  ['memory-map', 'best', /one of rank, random/],
  ['memory-scale', '0', /above 0/],
  ['touched-share', '1.2', /from 0 to 1/],
  ['file-share', '0.5', /with --touched-share it is above 1/],
  ['boot-memory', 'lots', /a size such as/],
  ['keep-alive', '604801', /from 0 to 604800/],
  ['max-vcpus', '65', /from 1 to 64/],
  ['host-limit', 'lots', /a size such as/],
  ['policy', 'fastest', /one of .*fixed-keep-alive.* is needed/],
  ['group', 'tenant', /one of function, app/],
  ['backing', 'disk', /one of anonymous, memfd/],
  ['init-on-alloc', 'yes', /one of 0, 1/],
];

for (const [name, value, message] of BAD) {
  test(`--${name} "${value}" is refused as usage`, (t) => {
    const error = t.throws(() => parseReplayOptions({ ...GIVEN, [name]: value }), {
      instanceOf: HotplaneError,
      message,
    });
    t.is(error.code, 'HP_REPLAY_OPTION');
    t.is(error.exit_code, 2);
  });
}
