/** `hotplane bench elastic`, without the command line around it. */
import type { AgentClient } from '../../agent/api/client.ts';
import type { DeployResponse } from '../../autoscaler/replay/agent-api.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { readAgentCgroup } from '../../autoscaler/trace/agentcgroup.ts';
import type { MemorySeries } from '../../autoscaler/trace/memory-series.ts';
import { hostClock } from '../../base/clock.ts';
import type { Progress } from '../../base/progress.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { readHost } from '../host.ts';
import { hostLines, type OwnAgentInput, runOwnAgentBench, vmFacts } from '../own-agent.ts';
import { BesideWatch } from './beside.ts';
import { elasticChecks } from './checks.ts';
import { summarizeElastic } from './figures.ts';
import { type GiveBack, measureGiveBack } from './give-back.ts';
import { type ElasticOptions, parseElasticOptions, type RawElasticOptions } from './options.ts';
import { elasticFunction, playOrder, type Play, playsOf, elasticSpecOf } from './plan.ts';
import { runPlay } from './play.ts';
import { RecordKeeper } from '../record-keeper.ts';
import type { ElasticReport, ElasticRun, PlayLine } from './records.ts';
import { renderElastic } from './table.ts';

export interface ElasticBenchCommand extends OwnAgentInput {
  readonly options: RawElasticOptions;
  /** Files of memory series; none: made from the seed. */
  readonly series: readonly string[];
  /** Growth with nothing beside the agent. */
  readonly measureAlone: (
    options: ElasticOptions,
    signal: AbortSignal,
  ) => Promise<ElasticRun['alone']>;
}

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runElasticBench(input: ElasticBenchCommand): Promise<number> {
  const options = parseElasticOptions(input.options);
  const given: MemorySeries[] = [];
  for (const path of input.series) given.push(await readAgentCgroup(path));
  return await runOwnAgentBench(input, {
    mechanisms: options.mechanisms,
    measure: async (api, progress) => {
      const { signal } = input;
      // First: no VM is there yet.
      progress.update('growth with nothing beside the agent');
      const alone = await input.measureAlone(options, signal);
      const about = { options, plays: playsOf(options, given), progress, signal, alone };
      const report = await measure(api, about);
      return { ...report, series: given.length > 0 ? input.series : ['made from the seed'] };
    },
    textOf,
  });
}

async function measure(
  api: AgentClient,
  about: {
    readonly options: ElasticOptions;
    readonly plays: readonly Play[];
    readonly progress: Progress;
    readonly signal: AbortSignal;
    readonly alone: ElasticRun['alone'];
  },
): Promise<Omit<ElasticReport, 'series'>> {
  const { options, plays, progress, signal, alone } = about;
  const host = await readHost();
  const begun_ms = hostClock.nowMs();
  const recorder = new RecordKeeper();
  await recorder.open(api);
  try {
    const planned = playOrder(plays, options);
    const steps = 2 + planned.length;
    progress.step(1, steps, 'boot the VMs');
    const deployed: DeployResponse[] = [];
    for (const mechanism of options.mechanisms) {
      progress.update(mechanism);
      deployed.push(await api.deploy(elasticSpecOf(mechanism, options), { signal }));
    }
    const lines: PlayLine[] = [];
    const beside = await BesideWatch.begin(api);
    for (const [index, one] of planned.entries()) {
      progress.step(2 + index, steps, `round ${one.round}, ${one.play.name}, ${one.mechanism}`);
      lines.push(await runPlay(api, recorder, one, hostClock, signal));
    }
    const operations = [...recorder.operations];
    const left = beside.end();
    progress.step(steps, steps, 'give memory back while an instance runs');
    const back = await giveBack(api, recorder, about, signal);
    const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
    progress.done(`${planned.length} plays in ${formatMs(duration_ms)}`);
    const gave = { given_back: back.lines, neighbour: back.calls };
    const run = { plays: lines, operations, ...gave, alone, beside: left };
    const summary = summarizeElastic(run);
    return {
      host,
      ...vmFacts(deployed),
      options,
      duration_ms,
      summary,
      checks: elasticChecks(summary, run.neighbour),
      ...run,
    };
  } finally {
    await recorder.close();
  }
}

/** Where nobody shrinks in use there is nothing to measure. */
async function giveBack(
  api: AgentClient,
  recorder: RecordKeeper,
  about: { readonly options: ElasticOptions; readonly progress: Progress },
  signal: AbortSignal,
): Promise<GiveBack> {
  const { options, progress } = about;
  const tell = progress.update.bind(progress);
  const shrinks = options.mechanisms.find((one) => MECHANISMS.find(one)?.partitions);
  if (shrinks === undefined) return { lines: [], calls: [] };
  const task = { name: elasticFunction(shrinks), options, clock: hostClock, tell };
  return await measureGiveBack(api, recorder, task, signal);
}

function textOf(report: ElasticReport): string {
  const { options, accelerator } = report;
  const { instances, limit_bytes, baseline_bytes, increment_bytes, play_ms, rounds } = options;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}; ${instances} ` +
      `instances of ${formatBytes(baseline_bytes)}, grown by ${formatBytes(increment_bytes)} up ` +
      `to ${formatBytes(limit_bytes)}; plays of ${formatMs(play_ms)}, rounds ${rounds}`,
    `series: ${report.series.join(', ')}, in the time of a play, seed ${options.seed}`,
    ...hostLines(report),
  ];
  return `${head.join('\n')}\n\n${renderElastic(report)}`;
}
