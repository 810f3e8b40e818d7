import { JSON_OPTION, type Command } from '../command.ts';
import { dagsOf, givenDagsOption, TOLD_DAGS_OPTIONS, withDagsDefaults } from '../dags-options.ts';
import { badArguments } from '../errors.ts';
import { CLI_LIMITS } from '../limits.ts';
import { textsOf, type Values } from '../values.ts';
import type { DagTrace } from '../../autoscaler/trace/dags/dag-trace.ts';

export const simulateDagsCommand: Command = {
  name: 'simulate dags',
  summary: 'how many calls of DAGs meet their deadlines, in several ways to serve them',
  options: {
    trace: { value: 'FILE', summary: "of 'hotplane trace dags' (default: made of what follows)" },
    ...TOLD_DAGS_OPTIONS,
    'keep-alive': { value: 'S', summary: 'idle instances of every function', default: '600' },
    ready: {
      value: 'S',
      summary: 'so long after a call instances stand ready for the next',
      default: '14400',
    },
    'warm-up': { value: 'S', summary: 'calls of so much are played, not counted', default: '0' },
    mechanism: { value: 'NAME', summary: 'how long memory takes to move', default: 'hotmem' },
    'start-ms': { value: 'MS', summary: 'start of a sandbox, beside the plug', default: '300' },
    'stop-ms': { value: 'MS', summary: 'stop of an instance, before the unplug', default: '10' },
    'host-limit': { value: 'BYTES', summary: 'for regions (default: all is granted)' },
    out: { value: 'DIR', summary: 'keep figures and a plot there' },
    json: JSON_OPTION,
  },
  help: `
The agent's own core decides, in virtual time. Printed is simulated, nothing is measured. The ways:

  first come first served, reactive   nothing is started before it is called for; all in order
  the same, all kept as long          idle instances stay for --ready instead of --keep-alive
  the same, with a pool               the policy pool by default instead of a fixed time
  least slack first                   each stage has a deadline, and the queue goes by it
  stages foreseen                     a call says when its later stages will be called
  all, and standing ready             what the agent does: both of these, and stages whose start a
                                      deadline has no time for have instances idle between calls,
                                      as many as bursts wanted, for --ready after each call

A call misses whatever is done where its own stages take longer than its deadline: these are
counted apart. Where first come first served meets more than 97 % the trace says nothing.

Examples:
  hotplane simulate dags
  hotplane simulate dags --longest-ms 3000 --calls-a-day 1000-10000 --out dags
`,
  async run({ values: given, stdout, stderr, signal }) {
    const values = needOneTrace(given);
    const [{ runSimulateDags }, { readVersion }] = await Promise.all([
      import('../../autoscaler/simulator/dags/command.ts'),
      import('../../base/version.ts'),
    ]);
    const ms = (name: string): number => 1_000 * values.number(name, 0, CLI_LIMITS.dag_ready_s);
    const limited = values.optional('host-limit') !== undefined;
    await runSimulateDags({
      trace: await traceOf(values, signal),
      mechanism: values.text('mechanism'),
      start_ms: values.number('start-ms', 0, CLI_LIMITS.simulated_cost_ms),
      stop_ms: values.number('stop-ms', 0, CLI_LIMITS.simulated_cost_ms),
      limit_bytes: limited ? values.bytes('host-limit') : Number.POSITIVE_INFINITY,
      keep_alive_ms: ms('keep-alive'),
      ready_ms: ms('ready'),
      warm_up_ms: ms('warm-up'),
      out: values.optional('out') ?? null,
      options: textsOf(values),
      hotplane_version: await readVersion(),
      json: values.flag('json'),
      stdout,
      stderr,
      signal,
    });
  },
};

/** A file is not made: what would say how has no place beside it. */
function needOneTrace(values: Values): Values {
  if (values.optional('trace') === undefined) return withDagsDefaults(values);
  const odd = givenDagsOption(values);
  if (odd === undefined) return values;
  const name = 'simulate dags';
  throw badArguments(name, `--${odd} says how a trace is made, and --trace names one that is.`);
}

/** The file that is named, or one that is made. */
async function traceOf(values: Values, signal: AbortSignal): Promise<DagTrace> {
  const file = values.optional('trace');
  if (file === undefined) {
    const { generateDags } = await import('../../autoscaler/trace/dags/generate-dags.ts');
    return generateDags(dagsOf(values));
  }
  const { readDagTrace } = await import('../../autoscaler/trace/dags/read-dags.ts');
  return await readDagTrace(file, signal);
}
