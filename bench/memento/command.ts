/** `hotplane bench memento`, without the command line around it. */
import { heardStatus } from '../../agent/api/heard-status.ts';
import type { FunctionProgram } from '../../agent/model/program.ts';
import type { RealPrograms } from '../../autoscaler/replay/calibrate.ts';
import type { DeployResponse } from '../../autoscaler/replay/agent-api.ts';
import { assert } from '../../base/assert.ts';
import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import type { Progress } from '../../base/progress.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { readHost } from '../host.ts';
import { hostLines, type OpenAgent, type OwnAgentInput, runOwnAgentsBench } from '../own-agent.ts';
import { vmFacts } from '../own-agent.ts';
import { claimResult, writeResult } from '../result-file.ts';
import { agentOf } from './arms.ts';
import { mementoChecks } from './checks.ts';
import { summarizeMemento } from './figures.ts';
import { measureCall } from './measure.ts';
import { type MementoOptions, parseMementoOptions, type RawMementoOptions } from './options.ts';
import { agentKey, functionsOf, MEMENTO_MECHANISM, mementoSpecOf, trialsOf } from './plan.ts';
import type { AgentPages, MementoReport, TrialLine } from './records.ts';
import { renderMemento } from './table.ts';

export interface MementoBenchCommand extends OwnAgentInput {
  readonly options: RawMementoOptions;
  /** Where the result is kept; absent: nowhere. */
  readonly folder: string | undefined;
  readonly programs: Pick<RealPrograms, 'build'>;
}

const FILE = 'memento.json';

type Agent = Awaited<ReturnType<OpenAgent>>;

interface Measuring {
  readonly options: MementoOptions;
  readonly programs: ReadonlyMap<string, FunctionProgram>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runMementoBench(input: MementoBenchCommand): Promise<number> {
  const { folder, signal } = input;
  const options = parseMementoOptions(input.options);
  if (folder !== undefined) claimResult(folder, FILE);
  const programs = await buildAll(options, input);
  return await runOwnAgentsBench(input, {
    mechanisms: [MEMENTO_MECHANISM],
    measure: async (open, progress) => {
      const report = await measure(open, { options, programs, progress, signal });
      if (folder !== undefined) writeResult(folder, FILE, jsonDocument(report));
      return report;
    },
    textOf,
  });
}

/** The real functions, by the name of the subject. */
async function buildAll(
  { subjects }: MementoOptions,
  { programs, signal }: Pick<MementoBenchCommand, 'programs' | 'signal'>,
): Promise<ReadonlyMap<string, FunctionProgram>> {
  const built = new Map<string, FunctionProgram>();
  for (const { name, real } of subjects) {
    if (real) built.set(name, await programs.build(real.program, signal));
  }
  return built;
}

async function measure(open: OpenAgent, about: Measuring): Promise<MementoReport> {
  const { options, progress, signal } = about;
  const host = await readHost();
  const begun_ms = hostClock.nowMs();
  const trials = trialsOf(options);
  const agents = new Map<string, Agent>();
  const deployed: DeployResponse[] = [];
  try {
    for (const arm of options.arms) {
      if (agents.has(agentKey(arm))) continue;
      const agent = await open(agentOf(arm));
      agents.set(agentKey(arm), agent);
      deployed.push(...(await deployAll(agent, agentKey(arm), about)));
    }
    const lines: TrialLine[] = [];
    for (const [index, trial] of trials.entries()) {
      const { round, subject, arm, start } = trial;
      progress.step(
        1 + index,
        trials.length,
        `round ${round}: ${subject.name}, ${arm.name}, ${start}`,
      );
      const agent = agents.get(agentKey(arm));
      assert(agent, 'each arm has its agent');
      lines.push(await measureCall(agent.client, trial, { options, clock: hostClock }, signal));
    }
    const run = { lines, pages: await pagesOf(agents, signal) };
    const duration_ms = Math.round(hostClock.nowMs() - begun_ms);
    progress.done(`${trials.length} calls in ${formatMs(duration_ms)}`);
    const summary = summarizeMemento(run);
    const checks = mementoChecks(summary, options.bytes);
    return { host, ...vmFacts(deployed), options, duration_ms, summary, checks, ...run };
  } finally {
    for (const agent of agents.values()) await agent.close();
  }
}

async function deployAll(
  { client }: Agent,
  key: string,
  { options, programs, progress, signal }: Measuring,
): Promise<DeployResponse[]> {
  const deployed: DeployResponse[] = [];
  for (const one of functionsOf(options, key)) {
    const spec = mementoSpecOf(one, options, programs.get(one.subject.name) ?? null);
    progress.update(`boot the VM of ${spec.name}, agent ${key}`);
    deployed.push(await client.deploy(spec, { signal }));
  }
  return deployed;
}

async function pagesOf(
  agents: ReadonlyMap<string, Agent>,
  signal: AbortSignal,
): Promise<AgentPages[]> {
  const all: AgentPages[] = [];
  for (const [agent, { client }] of agents) {
    const { functions } = await heardStatus(client, '', { signal });
    for (const { function: spec, pages } of functions) {
      all.push({ agent, function: spec.name, pages });
    }
  }
  return all;
}

function textOf(report: MementoReport): string {
  const { options, accelerator } = report;
  const head = [
    `${report.vmm}, ${accelerator}; guest Linux ${report.guest_kernels.join(', ')}; calls that ` +
      `touch ${formatBytes(options.bytes)}, and real ones; rounds ${options.rounds}`,
    ...hostLines(report),
  ];
  return `${head.join('\n')}\n\n${renderMemento(report)}`;
}
