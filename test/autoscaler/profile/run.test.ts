/** A profile run against an agent in this process, on a clock that waits for nobody. */
import test, { type ExecutionContext } from 'ava';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArchiveWriter, readArchive } from '../../../autoscaler/profile/archive.ts';
import { planProfile, readWorkloadFile } from '../../../autoscaler/profile/profile-plan.ts';
import type { AccessSource } from '../../../autoscaler/profile/call-accesses.ts';
import { standInSpec, type ServedBy } from '../../../autoscaler/profile/profile-plan.ts';
import { reportProfile } from '../../../autoscaler/profile/profile-report.ts';
import { runProfile } from '../../../autoscaler/profile/run.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { workOf } from '../../../agent/model/work.ts';
import type { LoadSample } from '../../../autoscaler/replay/load.ts';
import type { Invoked, InvokeRequest } from '../../../autoscaler/replay/agent-api.ts';
import { countedCallsSchema } from '../../../autoscaler/simulator/tiers/accesses.ts';
import { MIB } from '../../../base/units.ts';
import { FakeAgent, type FakeAgentOptions } from '../fake-agent.ts';
import { FakeClock } from '../fake-clock.ts';
import { FACTS } from '../replay-rig.ts';

/** Gives its instances up when it is told to. */
class DrainedAgent extends FakeAgent {
  readonly drained: string[] = [];
  readonly requests: InvokeRequest[] = [];
  readonly #clock: FakeClock;

  constructor(options: FakeAgentOptions & { readonly clock: FakeClock }) {
    super(options);
    this.#clock = options.clock;
  }

  async drain(name: string): Promise<{ finished_at_ms: number; instances_stopped: number }> {
    this.drained.push(name);
    await this.#clock.sleep(2_000);
    return { finished_at_ms: this.#clock.nowMs(), instances_stopped: 0 };
  }

  override async invoke(...[request, options]: Parameters<FakeAgent['invoke']>): Promise<Invoked> {
    this.requests.push(request);
    return await super.invoke(request, options);
  }
}

const WORKLOAD = {
  test_name: 'example_test',
  test_duration_in_seconds: 15,
  random_seed: 100,
  blocking_cli: true,
  instances: {
    instance1: {
      application: 'example_app1',
      distribution: 'Poisson',
      rate: 25,
      activity_window: [5, 10],
    },
    instance2: {
      application: 'example_app1',
      distribution: 'Uniform',
      rate: 10,
      activity_window: [5, 10],
    },
    instance3: { application: 'example_app2', interarrivals_list: [5, 0.13, 0.15, 0.8, 0.1] },
    instance4: {
      application: 'example_app3',
      param_file: 'param_file.json',
      distribution: 'Uniform',
      rate: 2,
    },
  },
  perf_monitoring: { runtime_script: 'monitoring/RuntimeMonitoring.sh', post_script: null },
};
const OPTIONS = { mechanism: 'hotmem', concurrency: 8, keep_alive_ms: 1_000 } as const;
const SPECS = new Map<string, ServedBy>(
  ['example_app1', 'example_app2', 'example_app3'].map((name) => [
    name,
    { kind: 'spec', spec: standInSpec(name, 64 * MIB, OPTIONS) },
  ]),
);
const NO_LOAD: Omit<LoadSample, 'at_ms'> = {
  cpu: null,
  own_ticks: null,
  psi_cpu_some_us: null,
  psi_memory_some_us: null,
  mem_available_bytes: null,
  event_loop_lag_ms: null,
};

interface ProfileRig {
  readonly folder: string;
  readonly agent: DrainedAgent;
  readonly abort: AbortController;
  readonly run: (out: string, given?: Partial<Given>) => Promise<void>;
}

interface Given {
  readonly targets: ReadonlyMap<string, ServedBy>;
  readonly deployed: ReadonlyMap<string, FunctionSpec>;
  readonly workload: object;
  readonly accesses: AccessSource;
}

function rigOf(t: ExecutionContext, fake: Partial<FakeAgentOptions> = {}): ProfileRig {
  const folder = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const clock = new FakeClock();
  const agent = new DrainedAgent({ plug_ms: 30, unplug_ms: 200, ...fake, clock });
  const abort = new AbortController();
  const path = join(folder, 'workload.json');
  writeFileSync(join(folder, 'param_file.json'), '{"seed": 7}');
  return {
    folder,
    agent,
    abort,
    run: async (
      out,
      { targets = SPECS, deployed = new Map(), workload = WORKLOAD, accesses } = {},
    ) => {
      writeFileSync(path, JSON.stringify(workload));
      const read = await readWorkloadFile(path);
      const plan = await planProfile({ ...read, path, seed: null, targets, deployed });
      await runProfile(plan, {
        agent,
        clock,
        facts: FACTS,
        writer: new ArchiveWriter(join(folder, out), { counts: accesses !== undefined }),
        ...(accesses ? { accesses } : {}),
        lookAtLoad: () => ({ ...NO_LOAD, at_ms: clock.nowMs() }),
        onProgress: () => {},
        signal: abort.signal,
      });
    },
  };
}

test('a workload of FaaSProfiler runs unmodified, and the same seed gives the same arrivals', async (t) => {
  const { run, folder, agent } = rigOf(t);
  await run('a');
  await run('b');
  const [a, b] = [await readArchive(join(folder, 'a')), await readArchive(join(folder, 'b'))];
  t.is(a.manifest.status, 'complete');
  t.is(a.manifest.error, null);
  t.true(a.manifest.drained);
  t.is(a.manifest.seed, 100);
  const due = (archive: typeof a) =>
    archive.calls
      .map(
        ({ invocation_id, instance, planned_at_ms }) =>
          `${invocation_id} ${instance} ${planned_at_ms}`,
      )
      .toSorted();
  t.deepEqual(due(a), due(b));
  t.is(
    a.calls.length,
    a.manifest.instances.reduce((sum, one) => sum + one.arrivals, 0),
  );
  t.true(a.calls.length > 180, `${a.calls.length} calls`);
  t.deepEqual(new Set(agent.removed).size, 3, 'what was deployed for the run is removed');
  t.is(agent.drained.length, 6);
  const { told } = await reportProfile(join(folder, 'a'), { json: false });
  t.regex(told, /arrival error \|sent - due\|, ms +p50 0\.000, p99 0\.000/);
  t.regex(told, /not used of the workload: perf_monitoring: no script is run/);
  t.regex(told, /not counted: instructions, cache and branch misses: /);
  t.regex(told, /instance1: the built-in function stands in for example_app1/);
  t.regex(told, /not counted: PSI: this host has no/, 'unknown is not 0');
});

test('arrivals wait for no answer: while nobody answers all are sent at their times', async (t) => {
  const { run, folder, agent, abort } = rigOf(t);
  const interarrivals_list = [1, 0.5, 0.5, 3];
  agent.invoke = async (request, options) => {
    agent.requests.push(request);
    if (agent.requests.length === interarrivals_list.length) setImmediate(() => abort.abort());
    const { promise, reject } = Promise.withResolvers<Invoked>();
    options?.signal?.addEventListener('abort', () => reject(new Error('gone')));
    return await promise;
  };
  const workload = {
    ...WORKLOAD,
    instances: { i: { application: 'example_app1', interarrivals_list } },
  };
  const targets = new Map([...SPECS].slice(0, 1));
  await t.throwsAsync(run('a', { workload, targets }), { code: 'HP_PROFILE_INTERRUPTED' });
  const { calls } = await readArchive(join(folder, 'a'));
  t.deepEqual(
    calls.map(({ sent_at_ms, outcome }) => [sent_at_ms, outcome]),
    [1_000, 1_500, 2_000, 5_000].map((at_ms) => [at_ms, 'interrupted']),
  );
});

test('where accesses are counted calls are made one after the other, each with its counts', async (t) => {
  const { run, folder, agent } = rigOf(t, { wallMs: () => 300 });
  // Whoever is called stores once in the region of its instance.
  const stores = new Map<string, number>();
  const [cache, other] = [
    { line_bytes: 64, sets: 1, ways: 1 },
    { loads: 0, fills: 0 },
  ];
  const accesses: AccessSource = {
    read: async () => {
      for (const { function: name } of agent.requests.splice(0)) {
        stores.set(name, (stores.get(name) ?? 0) + 1);
      }
      return [...stores].map(([name, count]) => ({
        vm_id: `vm-hotmem-${name}`,
        vcpus: 1,
        instructions: 10 * count,
        cache,
        places: new Map(['boot', 'r0'].map((id) => [id, { ...other, stores: count }])),
      }));
    },
  };
  const interarrivals_list = [1, 0.1, 0.1];
  const instances = { i: { application: 'example_app1', interarrivals_list } };
  const targets = new Map([...SPECS].slice(0, 1));
  await run('a', { workload: { ...WORKLOAD, instances }, targets, accesses });
  const { calls, accesses: lines } = await readArchive(join(folder, 'a'));
  t.deepEqual(
    calls.map(({ sent_at_ms }, at) => (sent_at_ms ?? 0) >= (calls[at - 1]?.replied_at_ms ?? 0)),
    [true, true, true],
  );
  t.deepEqual(
    lines?.map(({ cold, instructions, region }) => [cold, instructions, region.stores]),
    [
      [true, 10, 1],
      [false, 10, 1],
      [false, 10, 1],
    ],
  );
  const { told, summary } = await reportProfile(join(folder, 'a'), { json: false });
  t.deepEqual(
    summary.accesses?.map(({ cold, counted, stores: p50 }) => [cold, counted, p50]),
    [
      [true, 1, 1],
      [false, 2, 1],
    ],
  );
  t.regex(told, /i warm +2 +10 +0 +1 +0 +0\n/);
  t.regex(told, /not counted: branch misses/);
  const counted: unknown = JSON.parse(readFileSync(join(folder, 'a', 'counted.json'), 'utf8'));
  t.like(countedCallsSchema.parse(counted).calls[0], { input: 'i', stores: 1, instructions: 10 });
});

test('an archive is read again, and makes the same bytes', async (t) => {
  const { run, folder } = rigOf(t);
  await run('a');
  const out = join(folder, 'a');
  const first = await reportProfile(out, { json: true });
  const files = ['stages.jsonl', 'stages.svg'].map((name) => readFileSync(join(out, name), 'utf8'));
  const again = await reportProfile(out, { json: true });
  t.is(again.told, first.told);
  t.deepEqual(
    files,
    ['stages.jsonl', 'stages.svg'].map((name) => readFileSync(join(out, name), 'utf8')),
  );
  const { summary } = first;
  t.is(summary.outcomes.done, summary.arrivals);
  t.is(files[0]?.trim().split('\n').length, summary.arrivals);
  const cold = summary.groups.filter((group) => group.cold);
  t.true(
    cold.some(({ unplug }) => unplug.n > 0),
    'unplugs are found',
  );
  t.true(summary.groups.some((group) => !group.cold));
  await t.throwsAsync(run('a'), { code: 'HP_RESULTS_EXIST' });
});

test('a payload reaches the function that it is for; the built-in one gets work of its own', async (t) => {
  const { run, agent } = rigOf(t);
  const program: FunctionSpec['program'] = {
    function_key: 'k',
    base_key: null,
    interface: 'lambda',
    command: ['handler'],
    environment: [],
    working_folder: null,
    user: null,
    tmp_bytes: null,
    timeout_ms: null,
  };
  const real = { ...standInSpec('r', 64 * MIB, OPTIONS), name: 'real', program };
  await agent.deploy(real);
  const targets = new Map<string, ServedBy>([
    ...SPECS,
    ['example_app3', { kind: 'deployed', name: 'real' }],
  ]);
  await run('a', { targets, deployed: new Map([['real', real]]) });
  const of_real = agent.requests.filter((one) => one.function === 'real');
  t.is(Buffer.from(of_real[0]?.payload ?? []).toString(), '{"seed": 7}');
  const others = agent.requests.filter((one) => one.function !== 'real');
  t.true(others.every(({ payload }) => workOf({ bytes: payload })?.anonymous_bytes === 32 * MIB));
  t.false(agent.removed.includes('real'), 'a function of others stays');
  t.false(agent.drained.includes('real'));
});

test('without a seed one is drawn, told and kept', async (t) => {
  const { run, folder } = rigOf(t);
  await run('a', { workload: { ...WORKLOAD, random_seed: null } });
  const { manifest } = await readArchive(join(folder, 'a'));
  t.true(manifest.seed_is_drawn);
  const { told } = await reportProfile(join(folder, 'a'), { json: false });
  t.true(told.includes(`seed ${manifest.seed}, drawn`));
});

test('calls that are refused are told, and have no stages', async (t) => {
  const { run, folder } = rigOf(t, { refuse: (name) => name.includes('app2') });
  await run('a');
  const { summary } = await reportProfile(join(folder, 'a'), { json: true });
  t.is(summary.outcomes.refused, 5);
  t.false(summary.groups.some(({ instance }) => instance === 'instance3'));
});

test('an interrupted run keeps what it saw, marked, and removes what it deployed', async (t) => {
  const rig = rigOf(t, { onInvoke: (count) => (count === 20 ? rig.abort.abort() : undefined) });
  await t.throwsAsync(rig.run('a'), { code: 'HP_PROFILE_INTERRUPTED' });
  const { manifest, calls } = await readArchive(join(rig.folder, 'a'));
  t.is(manifest.status, 'interrupted');
  t.true(calls.length > 0 && calls.length < 40);
  t.is(rig.agent.removed.length, 3);
  const { told, summary } = await reportProfile(join(rig.folder, 'a'), { json: false });
  t.true(summary.never_sent > 100);
  t.regex(told, /this run is interrupted: its figures are of a part/);
});

test('an agent that is gone ends the run as failed; what it told is kept', async (t) => {
  const rig = rigOf(t, { onInvoke: (count) => (count === 20 ? rig.agent.endWatch() : undefined) });
  await t.throwsAsync(rig.run('a'), { code: 'HP_PROFILE_AGENT' });
  const { manifest, calls } = await readArchive(join(rig.folder, 'a'));
  t.is(manifest.status, 'failed');
  t.true(calls.length > 0);
});

const PLANS: readonly (readonly [string, Partial<Given>, string, RegExp])[] = [
  [
    'an application without a function',
    { targets: new Map() },
    'HP_PROFILE_FUNCTION',
    /no function 'example_app1' is deployed/,
  ],
  [
    'a function for an application that nobody calls',
    { targets: new Map([...SPECS, ['exampel', { kind: 'deployed', name: 'x' } as const]]) },
    'HP_PROFILE_FUNCTION',
    /names 'exampel'/,
  ],
  [
    'a name that is taken',
    { deployed: new Map([[specName('example_app1'), standInSpec('example_app1', MIB, OPTIONS)]]) },
    'HP_PROFILE_FUNCTION',
    /is deployed already/,
  ],
  [
    'a file that is not there',
    {
      targets: new Map([...SPECS].slice(2)),
      workload: {
        ...WORKLOAD,
        instances: { i: { ...WORKLOAD.instances.instance4, param_file: 'no' } },
      },
    },
    'HP_PROFILE_WORKLOAD',
    /instances\.i\.param_file: no cannot be read/,
  ],
  [
    'a test in which nothing arrives',
    {
      targets: new Map([...SPECS].slice(0, 1)),
      workload: {
        ...WORKLOAD,
        instances: { i: { application: 'example_app1', distribution: 'Uniform', rate: 0 } },
      },
    },
    'HP_PROFILE_WORKLOAD',
    /nothing arrives/,
  ],
];

function specName(application: string): string {
  return standInSpec(application, MIB, OPTIONS).name;
}

for (const [what, given, code, message] of PLANS) {
  test(`${what} is refused before anything starts`, async (t) => {
    const { run, agent, folder } = rigOf(t);
    await t.throwsAsync(run('a', given), { code, message });
    t.is(agent.requests.length, 0);
    await t.throwsAsync(readArchive(join(folder, 'a')), { code: 'HP_RESULTS_MISSING' });
  });
}
