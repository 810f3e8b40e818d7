/** `hotplane bench invoke`, without the command line around it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentClient } from '../../agent/api/client.ts';
import type { DeployResponse } from '../../autoscaler/replay/agent-api.ts';
import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import { createProgress, type Progress, type ProgressStream } from '../../base/progress.ts';
import { formatMs } from '../../base/units.ts';
import { startsInterrupted } from '../errors.ts';
import { readHost } from '../host.ts';
import { openOwnAgent } from '../own-agent.ts';
import { fireBurst } from './burst.ts';
import { type InvokeOptions, parseInvokeOptions, type RawInvokeOptions } from './options.ts';
import { burstsOf, specOf } from './plan.ts';
import type { StartLine } from './stages.ts';
import { type InvokeSummary, summarizeStarts } from './summary.ts';
import { renderSummary } from './table.ts';

export interface InvokeBenchCommand {
  readonly options: RawInvokeOptions;
  readonly json: boolean;
  readonly strict: boolean;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** What `--json` prints: everything that was measured, and what it comes to. */
export interface InvokeReport extends InvokeSummary {
  readonly host: Awaited<ReturnType<typeof readHost>>;
  readonly vmm: string;
  readonly accelerator: string;
  readonly guest_kernels: readonly string[];
  readonly options: InvokeOptions;
  readonly duration_ms: number;
  /** Invocations that an instance of another one served; their starts are not in the figures. */
  readonly warm: number;
  readonly starts: readonly StartLine[];
}

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runInvokeBench(input: InvokeBenchCommand): Promise<number> {
  const { stdout, stderr, signal } = input;
  const options = parseInvokeOptions(input.options);
  const progress = createProgress({ stream: stderr });
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-bench-'));
  const { mechanisms } = options;
  const opened = await openOwnAgent(mechanisms, folder, progress, signal).catch(async (error) => {
    // The log of an agent that would not start is named in the error.
    if (signal.aborted) await rm(folder, { recursive: true, force: true });
    throw signal.aborted ? startsInterrupted() : error;
  });
  try {
    const report = await measure(opened.client, options, progress, signal);
    stdout.write(input.json ? jsonDocument(report) : textOf(report));
    return input.strict && report.checks.some(({ verdict }) => verdict === 'missed') ? 1 : 0;
  } catch (error) {
    throw signal.aborted ? startsInterrupted() : error;
  } finally {
    await opened.close();
    await rm(folder, { recursive: true, force: true });
  }
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
  const steps = 1 + options.rounds;
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
  const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
  progress.done(`${bursts.length} bursts in ${formatMs(duration_ms)}`);
  return {
    host,
    vmm: deployed[0]?.vmm ?? '',
    accelerator: deployed[0]?.accelerator ?? '',
    guest_kernels: [...new Set(deployed.map(({ guest_kernel }) => guest_kernel))],
    options,
    duration_ms,
    ...summarizeStarts(starts, options),
    warm,
    starts,
  };
}

function textOf(report: InvokeReport): string {
  const { host, options, accelerator } = report;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}, ` +
      `${options.vcpus} vCPUs, ${options.rounds} rounds`,
    `host: ${host.cpu}, ${host.cores} cores, Linux ${host.kernel}, load ${host.load_before}`,
    ...(accelerator === 'tcg'
      ? ['Under TCG (an emulated CPU) no absolute time is a claim: compare within this run only.']
      : []),
    ...(report.warm > 0
      ? [`${report.warm} invocations met an instance of another one and are not counted.`]
      : []),
  ];
  return `${head.join('\n')}\n\n${renderSummary(report)}`;
}
