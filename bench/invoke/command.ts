/** `hotplane bench invoke`, without the command line around it. */
import type { AgentClient } from '../../agent/api/client.ts';
import type { DeployResponse } from '../../autoscaler/replay/agent-api.ts';
import { hostClock } from '../../base/clock.ts';
import type { Progress } from '../../base/progress.ts';
import { formatMs } from '../../base/units.ts';
import { readHost } from '../host.ts';
import { hostLines, type OwnAgentFacts, type OwnAgentInput } from '../own-agent.ts';
import { runOwnAgentBench, vmFacts } from '../own-agent.ts';
import { fireBurst } from './burst.ts';
import { type InvokeOptions, parseInvokeOptions, type RawInvokeOptions } from './options.ts';
import { burstsOf, specOf } from './plan.ts';
import { measurePath } from './path/measure.ts';
import { pathTable } from './path/table.ts';
import type { PathSummary } from './path/summary.ts';
import type { StartLine } from './stages.ts';
import { type InvokeSummary, summarizeStarts } from './summary.ts';
import { renderSummary } from './table.ts';

export interface InvokeBenchCommand extends OwnAgentInput {
  readonly options: RawInvokeOptions;
}

/** What `--json` prints: everything that was measured, and what it comes to. */
export interface InvokeReport extends InvokeSummary, OwnAgentFacts {
  readonly options: InvokeOptions;
  readonly duration_ms: number;
  /** Invocations that an instance of another one served; their starts are not in the figures. */
  readonly warm: number;
  readonly starts: readonly StartLine[];
  /** Null: it was not asked for. */
  readonly path: PathSummary | null;
}

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runInvokeBench(input: InvokeBenchCommand): Promise<number> {
  const options = parseInvokeOptions(input.options);
  return await runOwnAgentBench(input, {
    mechanisms: options.mechanisms,
    measure: async (api, progress) => await measure(api, options, progress, input.signal),
    textOf,
  });
}

async function measure(
  api: AgentClient,
  options: InvokeOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<InvokeReport> {
  const host = await readHost();
  const begun_ms = hostClock.nowMs();
  const bursts = burstsOf(options);
  const steps = 1 + options.rounds + (options.path ? 1 : 0);
  const deployed: DeployResponse[] = [];
  progress.step(1, steps, 'boot the VMs');
  for (const mechanism of options.mechanisms) {
    progress.update(mechanism);
    deployed.push(await api.deploy(specOf(mechanism, options), { signal }));
  }
  const starts: StartLine[] = [];
  let warm = 0;
  let round = 0;
  for (const plan of bursts) {
    if (plan.round !== round) progress.step(1 + plan.round, steps, `round ${plan.round}`);
    round = plan.round;
    progress.update(`${plan.mechanism}, ${plan.starts} at once`);
    const burst = await fireBurst(api, plan, hostClock, signal);
    starts.push(...burst.lines);
    warm += burst.warm;
  }
  const path = await pathOf(api, options, { progress, steps, signal });
  const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
  const summary = summarizeStarts(starts, options);
  progress.done(`${bursts.length} bursts in ${formatMs(duration_ms)}`);
  return {
    host,
    ...vmFacts(deployed),
    options,
    duration_ms,
    ...summary,
    checks: [...summary.checks, ...(path?.checks ?? [])],
    warm,
    starts,
    path,
  };
}

async function pathOf(
  api: AgentClient,
  { path, mechanisms, rounds, vcpus }: InvokeOptions,
  at: { readonly progress: Progress; readonly steps: number; readonly signal: AbortSignal },
): Promise<PathSummary | null> {
  const [mechanism] = mechanisms;
  if (!path || mechanism === undefined) return null;
  at.progress.step(at.steps, at.steps, 'the way of a call');
  return await measurePath(api, { mechanism, rounds, vcpus, ...at });
}

function textOf(report: InvokeReport): string {
  const { options, accelerator } = report;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}, ` +
      `${options.vcpus} vCPUs, ${options.rounds} rounds`,
    ...hostLines(report),
    ...(report.warm > 0
      ? [`${report.warm} invocations met an instance of another one and are not counted.`]
      : []),
  ];
  return `${head.join('\n')}\n\n${renderSummary(report, report.path ? [pathTable(report.path)] : [])}`;
}
