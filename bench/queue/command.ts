/** `hotplane bench queue`, without the command line around it. */
import type { AgentClient } from '../../agent/api/client.ts';
import type { DeployResponse } from '../../autoscaler/replay/agent-api.ts';
import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import type { Progress } from '../../base/progress.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { readHost } from '../host.ts';
import { hostLines, type OpenAgent, type OwnAgentInput, runOwnAgentsBench } from '../own-agent.ts';
import { vmFacts } from '../own-agent.ts';
import { RecordKeeper } from '../record-keeper.ts';
import { claimResult, writeResult } from '../result-file.ts';
import { agentOptions } from './arms.ts';
import { queueChecks } from './checks.ts';
import { summarizeQueue } from './figures.ts';
import { measureTrial, measureTurn } from './measure.ts';
import {
  parseQueueBenchOptions,
  type QueueBenchOptions,
  type RawQueueBenchOptions,
} from './options.ts';
import { QUEUE_MECHANISM, queueSpecsOf, type QueueTurn, queueTurnsOf } from './plan.ts';
import type { QueueLine, QueueReport } from './records.ts';
import { renderQueue } from './table.ts';

export interface QueueBenchCommand extends OwnAgentInput {
  readonly options: RawQueueBenchOptions;
  /** Where the result is kept; absent: nowhere. */
  readonly folder: string | undefined;
}

const FILE = 'queue.json';
const MS_PER_MINUTE = 60_000;

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runQueueBench(input: QueueBenchCommand): Promise<number> {
  const { folder, signal } = input;
  const options = parseQueueBenchOptions(input.options);
  if (folder !== undefined) claimResult(folder, FILE);
  return await runOwnAgentsBench(input, {
    mechanisms: [QUEUE_MECHANISM],
    measure: async (open, progress) => {
      const report = await measure(open, { options, progress, signal });
      if (folder !== undefined) writeResult(folder, FILE, jsonDocument(report));
      return report;
    },
    textOf,
  });
}

interface Measuring {
  readonly options: QueueBenchOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

async function measure(open: OpenAgent, about: Measuring): Promise<QueueReport> {
  const { options, progress } = about;
  const host = await readHost();
  const begun_ms = hostClock.nowMs();
  const turns = queueTurnsOf(options);
  const lines: QueueLine[] = [];
  let deployed: DeployResponse[] = [];
  let trial_ms: number | null = null;
  for (const [index, turn] of turns.entries()) {
    progress.step(1 + index, turns.length, `round ${turn.round}, ${turn.arm.name}`);
    // Every turn has as much of the time, its boot included.
    const until_ms = begun_ms + (MS_PER_MINUTE * options.minutes * (index + 1)) / turns.length;
    const agent = await open(agentOptions(turn.arm, options.hold_ms_per_gib_s));
    try {
      const took = await oneTurn(agent.client, { turn, until_ms, trial_ms }, about);
      ({ deployed, trial_ms } = took);
      lines.push(took.line);
    } finally {
      await agent.close();
    }
  }
  const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
  progress.done(`${turns.length} turns in ${formatMs(duration_ms)}`);
  const summary = summarizeQueue({ lines });
  const checks = queueChecks(summary);
  const run = { lines, trial_ms: trial_ms ?? 0 };
  return { host, ...vmFacts(deployed), options, duration_ms, summary, checks, ...run };
}

interface TurnTaken {
  readonly deployed: DeployResponse[];
  readonly trial_ms: number;
  readonly line: QueueLine;
}

interface TurnDue {
  readonly turn: QueueTurn;
  readonly until_ms: number;
  /** As the first turn has measured it; null: it is the first. */
  readonly trial_ms: number | null;
}

async function oneTurn(
  api: AgentClient,
  { turn, until_ms, trial_ms }: TurnDue,
  { options, progress, signal }: Measuring,
): Promise<TurnTaken> {
  const tell = (text: string): void => progress.update(`${turn.arm.name}: ${text}`);
  const records = new RecordKeeper();
  await records.open(api, ['operation']);
  try {
    tell('boot the VMs');
    const specs = queueSpecsOf(options);
    const deployed = await Promise.all(specs.map(async (one) => await api.deploy(one, { signal })));
    tell('how long memory takes to touch');
    // In every turn, so that all begin alike.
    const trial = await measureTrial(api, signal);
    const known_ms = trial_ms ?? trial;
    const task = { turn, options, trial_ms: known_ms, clock: hostClock, until_ms, tell };
    return { deployed, trial_ms: known_ms, line: await measureTurn(api, records, task, signal) };
  } finally {
    await records.close();
  }
}

function textOf(report: QueueReport): string {
  const { options, accelerator } = report;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}; a function ` +
      `that fills and gives back ${formatBytes(options.churn_bytes)} beside three others; ` +
      `at most ${options.cycles} cycles a turn, rounds ${options.rounds}`,
    ...hostLines(report),
  ];
  return `${head.join('\n')}\n\n${renderQueue(report)}`;
}
