/**
 * Every option does something: each one, given a value of its own, changes what the command asks
 * for. A table that misses an option of its command fails, so that none is added without a row.
 */
import { nodeLimitsOf } from '../../cli/host-node-options.ts';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { REPLAY_OPTIONS } from '../../autoscaler/replay/option-table.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import { DEFAULT_POOL } from '../../agent/model/pool-spec.ts';
import { GIB, MIB } from '../../base/units.ts';
import { parseOptions } from '../../bench/reclaim/plan/options.ts';
import { parseUidRange } from '../../cli/agent-config/kinds.ts';
import { cgroupOf } from '../../cli/agent-config/cgroup.ts';
import { vmmOptions } from '../../cli/agent-config/vmms.ts';
import { resolveConfig, valuesOf } from '../../cli/agent-config/resolve.ts';
import { COMMANDS } from '../../cli/commands.ts';
import { parseCommandLine } from '../../cli/parse.ts';
import { serve } from '../agent/api/serving.ts';
import { runLine } from './run-line.ts';
import { workOf } from '../../agent/model/work.ts';

/** Options that say where and how it is told: they are in every other test of the command line. */
const HOW = ['socket', 'json', 'out', 'logs'];

function optionsOf(name: string): readonly string[] {
  const command = COMMANDS.find((one) => one.name === name);
  return Object.keys(command?.options ?? {}).filter((option) => !HOW.includes(option));
}

function everyOptionIn(t: ExecutionContext, name: string, tested: readonly string[]): void {
  t.deepEqual([...new Set(tested)].toSorted(), optionsOf(name).toSorted());
}

async function scratch(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-options-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  return dir;
}

const DEPLOY = [
  ['limit', '128MiB', { limit_bytes: 128 * MIB }],
  ['mechanism', 'numa', { mechanism: 'numa' }],
  ['concurrency', '3', { concurrency: 3 }],
  ['vcpus', '2', { vcpus: 2 }],
  ['max-vms', '3', { max_vms: 3 }],
  ['min-instances', '2', { instances: { min: 2, max: null } }],
  ['max-instances', '4', { instances: { min: 0, max: 4 } }],
  ['boot-memory', '768MiB', { boot_bytes: 768 * MIB }],
  ['keep-alive', '7.5', { keep_alive_ms: 7_500 }],
  ['backing', 'huge', { backing: 'huge' }],
  ['baseline', '64MiB', { memory: { baseline_bytes: 64 * MIB, history: false } }],
  ['increment', '32MiB', { memory: { baseline_bytes: null, increment_bytes: 32 * MIB } }],
  ['history', null, { memory: { history: true, grow_wait_ms: null } }],
  ['grow-wait', '1.5', { memory: { grow_wait_ms: 1_500 } }],
  ['deadline', '0.9', { deadline_ms: 900 }],
  ['reclaim-slo', '10ms per 1GiB, p95', { reclaim_slo: { ms_per_gib: 10, percentile: 95 } }],
  ['tenant', 'acme', { tenant: 'acme' }],
  ['span', 'data=4MiB', { spans: [{ name: 'data', max_bytes: 4 * MIB, host_node: null }] }],
  ['span', 'far=1GiB@1', { spans: [{ name: 'far', max_bytes: GIB, host_node: 1 }] }],
  ['host-node', '1', { host_node: 1 }],
  ['arg', '/bin/it', { argv: ['/bin/it'] }],
  ['pool', null, { pool: DEFAULT_POOL }],
  ['init-on-alloc', null, { init_on_alloc: true }],
  ['guest-huge-pages', null, { guest_huge_pages: true }],
] as const;

test('every option of deploy arrives at the agent', async (t) => {
  const policy = { ...DEFAULT_POLICY, elastic: true };
  const bounds = { node_limits: [{ node: 1, bytes: 4 * GIB }] };
  const { client, socket_path } = await serve(t, 16 * GIB, { policy, bounds });
  for (const [option, value, wanted] of DEPLOY) {
    const words = value === null ? [`--${option}`] : [`--${option}`, value];
    const limit = option === 'limit' ? [] : ['--limit', '256MiB'];
    // Others have none.
    if (option === 'span') words.push('--mechanism', 'hotmem');
    const { code, err } = await runLine([
      'deploy',
      'f',
      ...words,
      ...limit,
      '--socket',
      socket_path,
    ]);
    t.is(code, 0, `${option}: ${err}`);
    const { functions } = await client.status('f');
    t.like(functions[0]?.function, wanted, option);
    if (option === 'backing') {
      t.regex((await runLine(`status --socket ${socket_path}`)).out, /backing huge, 8 x/);
    }
    t.is((await runLine(`remove f --socket ${socket_path}`)).code, 0);
  }
  everyOptionIn(
    t,
    'deploy',
    // A file is all of a function: see function.test.ts; of one that is there: agent/api/updates.
    ['file', 'dry-run', 'no-update', ...FAR_OPTIONS, ...DEPLOY.map(([option]) => option)],
  );
});

/** They go together. */
const FAR_OPTIONS = ['far-node', 'share', 'share-table', 'share-input', 'far-penalty'] as const;

const COUNTED = {
  cache: '2 MiB',
  note: 'seen',
  calls: ['small', 'large'].map((input) => {
    const call = { function: 'f', input, bytes: GIB, instructions: 1e8, loads: 1, stores: 1 };
    return { ...call, fills: 1e6, calls_per_s: 1 };
  }),
};

test('options of memory on two nodes arrive together, and are refused one by one', async (t) => {
  const bounds = {
    node_limits: [1, 2].map((node) => ({ node, bytes: 4 * GIB })),
  };
  const { client, socket_path } = await serve(t, 16 * GIB, { bounds });
  const table = join(await scratch(t), 'counted.json');
  await writeFile(table, JSON.stringify(COUNTED));
  const deploy = async (more: string) =>
    await runLine(`deploy f --limit 1GiB --mechanism numa --socket ${socket_path} ${more}`);
  const fixed = await deploy('--host-node 1 --far-node 2 --share 0.25');
  t.is(fixed.code, 0, fixed.err);
  const tiers = async () => (await client.status('f')).functions[0]?.function.tiers;
  t.deepEqual(await tiers(), { far_node: 2, share: 0.25, table: null });
  t.regex((await runLine(`status --socket ${socket_path}`)).out, /far part to node 2/);
  t.is((await runLine(`remove f --socket ${socket_path}`)).code, 0);
  const auto = `--far-node 2 --share auto --share-table ${table}`;
  const chosen = await deploy(`${auto} --share-input large --far-penalty 200`);
  t.is(chosen.code, 0, chosen.err);
  t.like(await tiers(), { far_node: 2, share: null, table: { source: 'modelled' } });
  for (const [more, message] of [
    ['--share 0.5', /--share is given without --far-node/],
    ['--far-node 2', /--far-node needs --share/],
    ['--far-node 2 --share 1.5', /--share is '1\.5'/],
    ['--far-node 2 --share auto', /--share-table goes with '--share auto'/],
    [`--far-node 2 --share 1 --share-table ${table}`, /goes with '--share auto'/],
    [auto, /what a remote line costs is to be stated/],
    [`${auto} --far-penalty 1`, /has not one kind of call of 'f', but: small, large/],
    [`${auto} --far-penalty 1 --share-input tiny`, /has not input 'tiny' of 'f'/],
    ['--far-node 2 --share auto --share-table /none', /cannot be read from \/none/],
  ] as const) {
    const { code, err } = await deploy(more);
    t.is(code, 2, more);
    t.regex(err, message);
  }
});

const PAYLOAD_FILE = join(mkdtempSync(join(tmpdir(), 'hotplane-payload-')), 'payload.json');
writeFileSync(PAYLOAD_FILE, '{"name":"Ada"}');
test.after.always(() => rmSync(dirname(PAYLOAD_FILE), { recursive: true }));

const ONCE = { span: 'data', at_ms: 0, bytes: 4 * MIB, touch_bytes: 4 * MIB, hold_ms: 0 };

const INVOKE = [
  ['touch', '24MiB', { work: { anonymous_bytes: 24 * MIB } }],
  ['map', '8MiB', { work: { file_bytes: 8 * MIB } }],
  ['span', 'data=4MiB', { work: { spans: [{ ...ONCE, times: 1 }] } }],
  ['span-times', '3 --span data=4MiB', { work: { spans: [{ ...ONCE, times: 3 }] } }],
  ['cpu-ms', '3', { work: { cpu_ms: 3 } }],
  ['wall-ms', '4', { work: { wall_ms: 4 } }],
  ['id', 'mine', { invocation_id: 'mine' }],
  ['key', 'once', { idempotency_key: 'once' }],
  ['payload', PAYLOAD_FILE, { text: '{"name":"Ada"}', content_type: 'application/json' }],
  ['content-type', `text/plain --payload ${PAYLOAD_FILE}`, { content_type: 'text/plain' }],
] as const;

test('every option of invoke arrives at the agent', async (t) => {
  const { agent, socket_path } = await serve(t);
  const seen: unknown[] = [];
  const invoke = agent.invoke.bind(agent);
  Object.defineProperty(agent, 'invoke', {
    value: async (...given: Parameters<typeof invoke>) => {
      const [, invocation_id, call] = given;
      const { payload, content_type, idempotency_key } = call;
      const work = workOf({ bytes: payload });
      const text = Buffer.from(payload).toString();
      seen.push({ invocation_id, work, content_type, text, idempotency_key });
      return await invoke(...given);
    },
  });
  for (const [option, value, wanted] of INVOKE) {
    await runLine(`invoke nobody --${option} ${value} --socket ${socket_path}`);
    t.like(seen.at(-1), wanted, option);
  }
  everyOptionIn(
    t,
    'invoke',
    // With them no call is made, or another one: see dry-run.test.ts and dag.test.ts.
    ['dry-run', 'prices', 'dag', ...INVOKE.map(([option]) => option)],
  );
});

const VMM: readonly (readonly [string, object])[] = [
  ['--qemu /opt/q', { qemu: { program: '/opt/q' } }],
  ['--cloud-hypervisor /opt/ch', { cloud_hypervisor: { command: ['/opt/ch'] } }],
  ['--host-node 3', { qemu: { host_node: 3 }, cloud_hypervisor: { host_numa_node: 3 } }],
  ['--vmm qemu --count-accesses /p.so', { qemu: { accesses: { path: '/p.so' } } }],
  ['--no-landlock', { cloud_hypervisor: { landlock: false } }],
];

const vmmOf = (line: string, env: NodeJS.ProcessEnv = {}) => {
  const parsed = parseCommandLine(['agent', ...line.split(' ').filter(Boolean)], COMMANDS);
  if (parsed.kind !== 'run') throw new Error(`${line} is no command to run`);
  const values = valuesOf(resolveConfig(parsed.values, env, null));
  return vmmOptions(values, cgroupOf(values).root, () => undefined, readNodes);
};

const MEMORY = { free_bytes: null, has_cpus: true, distances: [] };
const readNodes = () => [0, 3].map((node) => ({ node, total_bytes: 2 * GIB, ...MEMORY }));

test('the options on VMMs are given to the drivers, and go before the environment', (t) => {
  for (const [line, wanted] of VMM) t.like(vmmOf(line), wanted, line);
  const env = { QEMU: '/env/q', CLOUD_HYPERVISOR: '/env/ch' };
  t.like(vmmOf('', env), {
    qemu: { program: '/env/q', cgroup_root: null },
    cloud_hypervisor: { command: ['/env/ch'], host_numa_node: null, landlock: true },
  });
  t.like(vmmOf('--qemu /opt/q', env), { qemu: { program: '/opt/q' } });
});

test('accesses are counted by QEMU, and by nobody else: that is refused', (t) => {
  for (const vmm of ['', '--vmm auto', '--vmm cloud-hypervisor']) {
    const refused = t.throws(() => vmmOf(`${vmm} --count-accesses /p.so`));
    t.like(refused, { code: 'HP_CLI_BAD_VALUE', next: "give '--vmm qemu' with it." }, vmm);
  }
});

const limits = (text: string) => {
  const parsed = parseCommandLine(['agent', `--node-limits=${text}`], COMMANDS);
  if (parsed.kind !== 'run') throw new Error('no command to run');
  const values = valuesOf(resolveConfig(parsed.values, {}, null));
  return nodeLimitsOf(values, 3 * GIB, readNodes);
};

test('a node that the host does not have, or not enough of, is refused before anything is', (t) => {
  const code = 'HP_VMM_NO_HOST_NODE';
  t.throws(() => vmmOf('--host-node 5'), {
    code,
    message: /^--host-node: there is no host node 5/,
  });
  t.deepEqual(limits('3=1GiB'), [{ node: 3, bytes: GIB }]);
  t.throws(() => limits('1=1GiB'), { code });
  const few = { code: 'HP_AGENT_HOST_LIMIT' };
  t.throws(() => limits('3=4GiB'), { ...few, message: /4 GiB of host node 3, which has 2 GiB/ });
  t.throws(() => limits('0=2GiB,3=1GiB'), { ...few, message: /leave 0 B of the host limit/ });
});

test('--cgroup is given to both drivers, and told at once where it can hold no VMM', async (t) => {
  const dir = await scratch(t);
  const refused = (): string => t.throws(() => vmmOf(`--cgroup ${dir}`))?.message ?? '';
  t.regex(refused(), /^--cgroup .* cannot hold VMMs: it is no folder of cgroup v2/);
  await writeFile(join(dir, 'cgroup.controllers'), 'cpu pids\n');
  await writeFile(join(dir, 'cgroup.subtree_control'), 'cpu pids\n');
  await writeFile(join(dir, 'cgroup.procs'), '');
  t.regex(refused(), /it was not given the memory controller/);
  await writeFile(join(dir, 'cgroup.controllers'), 'cpu memory pids\n');
  t.regex(refused(), /lacks memory/);
  await writeFile(join(dir, 'cgroup.subtree_control'), 'cpu memory\n');
  const { qemu, cloud_hypervisor } = vmmOf(`--cgroup ${dir}`);
  t.deepEqual([qemu?.cgroup_root, cloud_hypervisor?.cgroup_root], [dir, dir]);
});

test('--vmm-uids is given to both drivers by root, and refused to others', (t) => {
  const range = () => vmmOf('--vmm-uids 200000-265535');
  if (process.getuid?.() === 0) {
    const uids = { first: 200_000, count: 65_536 };
    t.like(range(), { qemu: { uids }, cloud_hypervisor: { uids } });
  } else t.throws(range, { code: 'HP_AGENT_VMM_USERS', message: /takes root/ });
  t.like(vmmOf(''), { qemu: { uids: null }, cloud_hypervisor: { uids: null } });
  for (const text of ['0-99', '999-2000', '3000-2000', '200000', '1000-4294967295', 'a-b']) {
    t.is(parseUidRange(text), null, text);
  }
  t.deepEqual(parseUidRange('1000-1000'), { first: 1_000, count: 1 });
});

/** An agent in a process of its own with an empty cache: it ends before it serves. */
async function agentWithoutImages(t: ExecutionContext, words: readonly string[]) {
  const dir = await scratch(t);
  const place = ['--socket', join(dir, 'a.sock'), '--state-dir', join(dir, 'state')];
  const argv = ['cli/main.ts', 'agent', '--vmm', 'qemu', ...place, ...words];
  return await execa(process.execPath, argv, {
    cwd: PROJECT_ROOT,
    env: { HOTPLANE_CACHE: join(dir, 'cache') },
    reject: false,
    timeout: 120_000,
  });
}

test('with --no-build an agent that lacks its image says which, and builds nothing', async (t) => {
  const series = await agentWithoutImages(t, ['--no-build']);
  t.is(series.exitCode, 3, series.stderr);
  t.regex(series.stderr, /^\{"level":30,/, 'the log is there');
  t.regex(series.stderr, /\nhotplane: HP_IMAGE_NOT_BUILT: kernel hotmem is not in the cache/);
  const untouched = ['--guest-kernel', 'untouched', '--mechanisms', 'virtio-mem'];
  const silent = await agentWithoutImages(t, ['--no-build', ...untouched, '--log-level', 'silent']);
  t.is(silent.exitCode, 3, silent.stderr);
  t.regex(silent.stderr, /^hotplane: HP_IMAGE_NOT_BUILT: kernel stock is not in the cache.*$/);
});

test('a policy that is not there is refused by name', async (t) => {
  const { code, err } = await runLine('agent --policy none');
  t.is(code, 2);
  t.regex(err, /HP_CLI_BAD_VALUE: --policy is 'none'/);
});

const REPLAY: Readonly<Record<string, string>> = {
  trace: 'other.csv',
  mechanism: 'hotmem',
  begin: '60',
  duration: '30',
  speedup: '2',
  'gap-scale': '3',
  'duration-scale': '0.5',
  only: 'shop',
  trigger: 'timer',
  percentile: '90-100',
  functions: '7',
  group: 'app',
  concurrency: '3',
  'keep-alive': '11',
  'memory-map': 'random',
  'memory-scale': '0.5',
  'touched-share': '0.1',
  'file-share': '0.02',
  'cpu-share': '0.5',
  baseline: '64MiB',
  increment: '32MiB',
  course: 'train',
  'max-vcpus': '1',
  'boot-memory': '896MiB',
  backing: 'huge',
  'init-on-alloc': '1',
  'guest-huge-pages': '1',
  'guest-kernel': 'untouched',
  vmm: 'qemu',
  seed: '99',
  fail: 'kill-vmm',
  rounds: '3',
  'warm-up': '5s',
  work: 'real',
  agent: '/run/other.sock',
  'host-limit': '3GiB',
  policy: 'knative',
};

test('every option of replay changes the run', (t) => {
  const given = { trace: 'a.csv', out: 'out' };
  const { texts: _, ...usual } = parseReplayOptions(given);
  for (const [option, value] of Object.entries(REPLAY)) {
    const { texts: __, ...changed } = parseReplayOptions({ ...given, [option]: value });
    t.notDeepEqual(changed, usual, option);
  }
  const shared = { ...given, 'host-limit': '3GiB' };
  const { agents } = parseReplayOptions({ ...shared, agents: '2' });
  t.is(agents, 2, 'which share a limit');
  // There is one model only.
  const none = { ...given, 'memory-model': 'none' };
  t.throws(() => parseReplayOptions(none), { message: /--memory-model none/ });
  // A run is made of another by --from: test/autoscaler/repeat.test.ts; none by --dry-run:
  // test/autoscaler/replay-part.test.ts.
  const tested = [...Object.keys(REPLAY), 'agents', 'memory-model', 'from'];
  everyOptionIn(t, 'replay', [...tested, 'dry-run']);
  t.deepEqual(tested.concat('out').toSorted(), Object.keys(REPLAY_OPTIONS).toSorted());
});

const RECLAIM: Readonly<Record<string, string>> = {
  mechanism: 'numa',
  sizes: '128MiB',
  occupancy: '25',
  'init-on-alloc': '1',
  pages: 'huge',
  backing: 'memfd',
  neighbour: 'on',
  parts: 'off',
  repetitions: '2',
  rounds: '5',
};

test('every option of bench reclaim changes the plan', async (t) => {
  const usual = await runLine('bench reclaim --plan --json');
  t.is(usual.code, 0, usual.err);
  for (const [option, value] of Object.entries(RECLAIM)) {
    const { code, out, err } = await runLine(`bench reclaim --plan --json --${option} ${value}`);
    t.is(code, 0, `${option}: ${err}`);
    t.not(out, usual.out, option);
  }
  t.not((await runLine('bench reclaim --plan --json --short')).out, usual.out);
  t.is(parseOptions({ seed: '5' }).seed, 5, 'no part of a plan');
  // `strict` judges a run that was measured.
  everyOptionIn(t, 'bench reclaim', [...Object.keys(RECLAIM), 'seed', 'short', 'plan', 'strict']);
});
