import { LIMITS } from '../../base/limits.ts';
import { JSON_OPTION, type Command, type CommandInput } from '../command.ts';
import { badPolicyFile, badValue } from '../errors.ts';
import { CLI_LIMITS } from '../limits.ts';
import { POOL_OPTIONS, poolsOf } from '../pool-options.ts';
import {
  CHOICE_OPTIONS,
  choiceOf,
  openOptions,
  TRACE_HELP,
  TRACE_OPTIONS,
} from '../trace-options.ts';
import type { SweepInput } from '../../autoscaler/simulator/sweep.ts';
import type { PolicyChoice } from '../../autoscaler/simulator/simulation.ts';
import { textsOf, type Values } from '../values.ts';

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'what policies would cost on a trace, without a VM',
  options: {
    from: { value: 'DIR', summary: 'simulate what this folder of a replay measured' },
    trace: { value: 'FILE', summary: 'a trace; of several files: all of them', multiple: true },
    policy: {
      value: 'NAMES',
      summary: 'one or more of those below, with commas',
      default: 'fixed-keep-alive',
    },
    'policy-file': {
      value: 'FILE',
      summary: "a module whose default export is one's own; the reference engine plays it",
    },
    'keep-alive': {
      value: 'SECONDS',
      summary: 'of those that go by it; each of several, with commas, is a run',
      default: '120',
    },
    ...POOL_OPTIONS,
    mechanism: {
      value: 'NAME',
      summary: 'ideal, balloon, virtio-mem, numa or hotmem; static is told beside it',
      default: 'hotmem',
    },
    calibrate: { value: 'DIR', summary: 'take its times from a folder of results' },
    'start-ms': { value: 'MS', summary: 'start of a sandbox, beside the plug', default: '300' },
    'stop-ms': { value: 'MS', summary: 'stop of an instance, before the unplug', default: '10' },
    engine: {
      value: 'NAME',
      summary: "reference plays the agent's own core, fast the same rules in columns",
      default: 'fast',
      choices: ['fast', 'reference'],
    },
    'host-limit': { value: 'SIZE', summary: 'memory for instances (default: no limit)' },
    hosts: { value: 'N', summary: 'so many hosts of that limit', default: '1' },
    'when-short': {
      value: 'WHAT',
      summary: 'without memory for a start: refuse, as the agent does, or wait',
      default: 'refuse',
      choices: ['refuse', 'wait'],
    },
    group: {
      value: 'WHAT',
      summary: 'what has instances of its own: each function, or each app',
      default: 'function',
      choices: ['function', 'app'],
    },
    concurrency: { value: 'N', summary: 'most instances of each (default: what a VM can have)' },
    'memory-model': {
      value: 'NAME',
      summary: 'sizes where the trace has none',
      default: 'hotmem-paper',
    },
    ...TRACE_OPTIONS,
    ...CHOICE_OPTIONS,
    out: { value: 'DIR', summary: 'also write figures, plots and result folders there' },
    sweep: { value: 'FILE', summary: 'a grid (YAML or JSON): a run for each combination' },
    workers: { value: 'N', summary: 'threads of a sweep', default: '1' },
    'dry-run': { summary: 'of a sweep: tell its runs, simulate nothing' },
    lines: { summary: 'with --out: lines of more than 100,000 invocations too' },
    json: JSON_OPTION,
  },
  help: `
Plays a trace in virtual time. Everything printed and written is simulated and says so. One VM a
function, with up to --concurrency instances; the idle one used last serves the next invocation. A
start takes the longer of --start-ms and its plug; memory is counted from the decision to plug until
the unplug is done. The times of mechanisms are published ones, named in the output, or with
--calibrate the medians of a measured folder.

  fixed-keep-alive     an instance idle for --keep-alive ends
  hybrid-histogram     idle times in minutes decide (Shahrad et al., ATC 2020); ARIMA is replaced by
                       exponential smoothing
  sliding-window       all used last in one ten minutes end together, an hour later (InfiniStore)
  degraded-window      the same, and the region stays plugged three hours more, in 18 degraded
                       buckets (--engine reference alone)
  oldest-first         fixed-keep-alive, but the one idle longest serves next
  batched              fixed-keep-alive, but four end together, or what has waited for 30 s
  plugged-reserve      fixed-keep-alive, one more region plugged (--engine reference alone)
  pool                 as many idle as calls want at once by their rate; where they come no more, as
                       many regions plugged, then nothing (--engine reference alone); or, with
                       --pool-worth, idle for as long as a cold plug is worth it
  knative              numbers by its stable and panic windows (60 and 6 s, every 2 s)
  greedy-dual          FaasCache: nothing ends by time, the least worth gives way for memory
  least-recently-used  the same with the one idle longest; both need --host-limit, and a start
                       waits for what gives way

--policy-file FILE adds a policy of one's own: what its default export does not answer the default
policy does ({ scale } suffices). Where it throws or answers nonsense the default goes on, and the
command ends with what was wrong.

--keep-alive is of the four that say so. With --when-short wait the fast engine waits for as long as
it takes, the reference engine 10 s, as the agent does.

With --hosts N each function is on one host, where the least memory times running time is planned,
and stays there; the peak is the sum of the peaks of all hosts.

Beside them stand what others would commit: static (N x limit), flat-cap, one-vm-an-instance, ideal
(the first policy, memory moves in no time) and oracle (memory of what runs).

--from DIR plays the plan of a replay: its arrivals, functions, policy and each of its mechanisms,
with the median times of its operations (of another folder's with --calibrate) and the memory that
its agent had; a start that lacks it waits for as long as it takes. It writes --out as a folder of a
replay, marked as simulated, which 'hotplane report' and 'hotplane compare' read, and prints how far
it is off.

--sweep FILE has lists under policy, keep-alive (seconds), pool-bucket (seconds), pool-active,
pool-degraded, pool-percentile, pool-worth (none or GiB s), mechanism, host-limit (none or a size),
when-short, start-ms and stop-ms, and simulates every combination: by the fast engine, and where
that does not play the policy by the reference engine, which is slower by far; --dry-run says which.
A line for each goes to DIR/sweep.jsonl as it is done; the same command goes on where one was ended.
However many --workers, the bytes are the same. Plot and points of cold starts against memory are
written beside it.

${TRACE_HELP}

Examples:
  hotplane simulate --trace autoscaler/traces/azure2021/sample_200.csv --keep-alive 30,120,600
  hotplane simulate --trace made.csv --policy fixed-keep-alive,hybrid-histogram --out out
  hotplane simulate --from out-live --out out-simulated
`,
  run: runSimulate,
};

async function runSimulate(input: CommandInput): Promise<void> {
  const { values } = input;
  if (values.optional('from') !== undefined) return await runLive(input);
  await (values.optional('sweep') === undefined ? runTrace(input) : runGrid(input));
}

/** A live run again: its options stand in its folder. */
async function runLive({ values, stdout, signal }: CommandInput): Promise<void> {
  const [{ runSimulateLive }, { readVersion }] = await Promise.all([
    import('../../autoscaler/simulator/simulate-live.ts'),
    import('../../base/version.ts'),
  ]);
  const out = values.optional('out');
  if (out === undefined) throw badValue('out', '', 'a folder, which --from needs');
  if (values.list('trace').length > 0) throw badValue('trace', '', 'nothing beside --from');
  await runSimulateLive({
    from: values.text('from'),
    calibrate: values.optional('calibrate') ?? null,
    out,
    hotplane_version: await readVersion(),
    json: values.flag('json'),
    stdout,
    signal,
  });
}

/** Every combination of a grid. */
async function runGrid({ values, stdout, signal }: CommandInput): Promise<void> {
  const [{ runSweep }, { readVersion }] = await Promise.all([
    import('../../autoscaler/simulator/sweep.ts'),
    import('../../base/version.ts'),
  ]);
  const out = values.optional('out');
  if (out === undefined) throw badValue('out', '', 'a folder, which --sweep needs');
  await runSweep({
    sweep: values.text('sweep'),
    out,
    workers: values.whole('workers', 1, CLI_LIMITS.sweep_workers),
    dry_run: values.flag('dry-run'),
    hotplane_version: await readVersion(),
    json: values.flag('json'),
    stdout,
    signal,
    ...(await workloadInput(values, signal)),
  });
}

type WorkloadInput = Pick<SweepInput, 'traces' | 'open' | 'grouping' | 'model' | 'concurrency'>;

/** What the trace is and how it is read. */
async function workloadInput(values: Values, signal: AbortSignal): Promise<WorkloadInput> {
  const { MEMORY_MODELS } = await import('../../autoscaler/workload-model/models.ts');
  const traces = values.list('trace');
  if (traces.length === 0) throw badValue('trace', '', 'the file of a trace');
  const model = MEMORY_MODELS.get(values.text('memory-model'));
  const models = `one of ${[...MEMORY_MODELS.keys()].join(', ')}`;
  if (!model) throw badValue('memory-model', values.text('memory-model'), models);
  const is_bounded = values.optional('concurrency') !== undefined;
  return {
    traces,
    open: { ...openOptions(values, signal), choice: choiceOf(values) },
    grouping: values.choice('group', ['function', 'app']),
    model,
    concurrency: is_bounded ? values.whole('concurrency', 1, LIMITS.regions_per_vm) : null,
  };
}

async function runTrace({ values, stdout, signal }: CommandInput): Promise<void> {
  const [{ runSimulateCommand }, { readVersion }] = await Promise.all([
    import('../../autoscaler/simulator/simulate-command.ts'),
    import('../../base/version.ts'),
  ]);
  const has = (name: string): boolean => values.optional(name) !== undefined;
  const failures: string[] = [];
  const own = await ownChoices(values, (failure) => failures.push(failure));
  await runSimulateCommand({
    ...(await workloadInput(values, signal)),
    choices: [...(await choicesOf(values)), ...own],
    engine: values.choice('engine', ['fast', 'reference']),
    mechanism: values.text('mechanism'),
    calibrate: values.optional('calibrate') ?? null,
    start_ms: values.number('start-ms', 0, CLI_LIMITS.simulated_cost_ms),
    stop_ms: values.number('stop-ms', 0, CLI_LIMITS.simulated_cost_ms),
    host: {
      limit_bytes: has('host-limit') ? values.bytes('host-limit') : Number.POSITIVE_INFINITY,
      when_short: values.choice('when-short', ['refuse', 'wait']),
      reserve_bytes: 0,
    },
    hosts: values.whole('hosts', 1, CLI_LIMITS.simulated_hosts),
    out: values.optional('out') ?? null,
    lines: values.flag('lines'),
    options: textsOf(values),
    hotplane_version: await readVersion(),
    json: values.flag('json'),
    stdout,
    signal,
  });
  const [failure] = failures;
  if (failure !== undefined) throw badPolicyFile(values.text('policy-file'), failure);
}

/** In virtual time nothing is slow. */
const still = (): number => 0;

/** A policy of one's own: a run for each keep-alive. What it does wrong is told at the end. */
async function ownChoices(
  values: Values,
  tell: (failure: string) => void,
): Promise<PolicyChoice[]> {
  const file = values.optional('policy-file');
  if (file === undefined) return [];
  const [{ loadPolicy }, { contained }] = await Promise.all([
    import('../policy-file.ts'),
    import('../../autoscaler/policy/contained.ts'),
  ]);
  const own = contained(await loadPolicy(file), {
    clock: still,
    worked: still,
    slow_ms: Number.POSITIVE_INFINITY,
    tell: (question, problem) => tell(`${question}: it ${problem}`),
  });
  return timesOf(values).map((keep_alive_ms) => ({
    policy: 'fixed-keep-alive',
    keep_alive_ms,
    own,
  }));
}

function timesOf(values: Values): number[] {
  return values
    .text('keep-alive')
    .split(',')
    .map((text) => {
      const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
      if (seconds * 1000 <= LIMITS.invocation_ms) return seconds * 1000;
      throw badValue('keep-alive', text, `seconds up to ${LIMITS.invocation_ms / 1000}`);
    });
}

/** Of each policy one run, of fixed-keep-alive one for each time, of pool one for each bucket. */
async function choicesOf(values: Values): Promise<PolicyChoice[]> {
  const { isTimed, SIMULATED_POLICIES } = await import('../../autoscaler/simulator/simulation.ts');
  const times_ms = timesOf(values);
  const pools = poolsOf(values);
  return values
    .text('policy')
    .split(',')
    .flatMap((name): PolicyChoice[] => {
      const policy = SIMULATED_POLICIES.find((one) => one === name.trim());
      if (!policy) throw badValue('policy', name, `one of ${SIMULATED_POLICIES.join(', ')}`);
      const [first_ms = 0] = times_ms;
      if (policy === 'pool') {
        return pools.map((pool) => ({ policy, keep_alive_ms: first_ms, pool }));
      }
      const own_ms = isTimed(policy) ? times_ms : [first_ms];
      return own_ms.map((keep_alive_ms) => ({ policy, keep_alive_ms }));
    });
}
