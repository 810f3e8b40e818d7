/** `hotplane bench spans`, without the command line around it. */
import type { AgentClient } from '../../agent/api/client.ts';
import type { DeployResponse } from '../../autoscaler/replay/agent-api.ts';
import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import type { Progress } from '../../base/progress.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { readHost } from '../host.ts';
import { RecordKeeper } from '../record-keeper.ts';
import { hostLines, type OwnAgentInput, runOwnAgentBench, vmFacts } from '../own-agent.ts';
import { claimResult, writeResult } from '../result-file.ts';
import { spansChecks } from './checks.ts';
import { summarizeSpans } from './figures.ts';
import { measureSpans, spanOperations } from './measure.ts';
import { parseSpansOptions, type RawSpansOptions, type SpansOptions } from './options.ts';
import { SPANS_MECHANISMS, spansSpecOf } from './plan.ts';
import type { SpansLine, SpansReport } from './records.ts';
import { renderSpans } from './table.ts';

export interface SpansBenchCommand extends OwnAgentInput {
  readonly options: RawSpansOptions;
  /** Where the result is kept; absent: nowhere. */
  readonly folder: string | undefined;
}

const FILE = 'spans.json';

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runSpansBench(input: SpansBenchCommand): Promise<number> {
  const { folder, signal } = input;
  const options = parseSpansOptions(input.options);
  if (folder !== undefined) claimResult(folder, FILE);
  return await runOwnAgentBench(input, {
    mechanisms: SPANS_MECHANISMS,
    measure: async (api, progress) => {
      const report = await measure(api, { options, progress, signal });
      if (folder !== undefined) writeResult(folder, FILE, jsonDocument(report));
      return report;
    },
    textOf,
  });
}

async function measure(
  api: AgentClient,
  about: {
    readonly options: SpansOptions;
    readonly progress: Progress;
    readonly signal: AbortSignal;
  },
): Promise<SpansReport> {
  const { options, progress, signal } = about;
  const host = await readHost();
  const begun_ms = hostClock.nowMs();
  const records = new RecordKeeper();
  await records.open(api, ['operation']);
  try {
    const steps = 2 * SPANS_MECHANISMS.length;
    const deployed: DeployResponse[] = [];
    const lines: SpansLine[] = [];
    for (const mechanism of SPANS_MECHANISMS) {
      progress.step(1 + 2 * lines.length, steps, `boot the VM of ${mechanism}`);
      deployed.push(await api.deploy(spansSpecOf(mechanism, options), { signal }));
      progress.step(2 + 2 * lines.length, steps, `touch and give back, ${mechanism}`);
      const onLook = (closed: number, held_bytes: number): void =>
        progress.update(`${closed} closed, the VMM holds ${formatBytes(held_bytes)}`);
      const one = { mechanism, options, clock: hostClock, onLook };
      lines.push(await measureSpans(api, records, one, signal));
      await api.remove(spansSpecOf(mechanism, options).name, { signal });
    }
    const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
    progress.done(`${options.times} spans in ${formatMs(duration_ms)}`);
    const run = { lines, operations: spanOperations(records) };
    const summary = summarizeSpans(run);
    const checks = spansChecks(summary, lines);
    return { host, ...vmFacts(deployed), options, duration_ms, summary, checks, ...run };
  } finally {
    await records.close();
  }
}

function textOf(report: SpansReport): string {
  const { options, accelerator } = report;
  const { span_bytes, touch_bytes, times } = options;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}; ` +
      `a span of ${formatBytes(span_bytes)}, ${formatBytes(touch_bytes)} of it touched, ` +
      `opened and closed ${times} times in one invocation`,
    ...hostLines(report),
  ];
  return `${head.join('\n')}\n\n${renderSpans(report)}`;
}
