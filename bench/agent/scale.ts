/** The agent with as many functions as it takes, each with the most regions, and at rest. */
import { assert } from '../../base/assert.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { LIMITS } from '../../base/limits.ts';
import { agentBenchBroken } from './errors.ts';
import { median } from '../statistics.ts';
import { mark, othersBetween } from './marks.ts';
import { type AgentBenchOptions, MANY_REGIONS, VM_REGIONS } from './plan.ts';
import type { Usage } from './child-messages.ts';
import type { IdleRun, ScaleRun, VmsRun } from './records.ts';
import { AgentStage } from './stage.ts';

/** Deploys under way at once. */
const DEPLOYS_IN_FLIGHT = 8;
const US_PER_MS = 1_000;
/** Longer than an agent keeps an answer to a scrape. */
const SCRAPE_PAUSE_MS = 1_500;

interface Deploying {
  readonly stage: AgentStage;
  /** So many are there already. */
  readonly from: number;
  readonly regions: number;
  readonly onDeployed: (count: number) => void;
  readonly signal: AbortSignal;
}

async function deployUpTo(functions: number, deploying: Deploying): Promise<void> {
  const { stage, from, regions, onDeployed, signal } = deploying;
  let next = from;
  const deployer = async (): Promise<void> => {
    while (next < functions && !signal.aborted) {
      next += 1;
      await stage.deploy(`many-${next}`, regions, true);
      onDeployed(next);
    }
  };
  await Promise.all(Array.from({ length: DEPLOYS_IN_FLIGHT }, deployer));
}

/** Called with the stage's functions removed. `onDeployed` is told how many there are. */
export async function measureScale(
  stage: AgentStage,
  { functions, rounds }: Pick<AgentBenchOptions, 'functions' | 'rounds'>,
  onDeployed: (count: number) => void,
  signal: AbortSignal,
): Promise<ScaleRun> {
  const regions = MANY_REGIONS;
  const before = await stage.agentUsage();
  await deployUpTo(functions, { stage, from: 0, regions, onDeployed, signal });
  // Compiled, and the agent is at rest.
  await stage.client.status('many-1', { with_state: true });
  const idle = await mark(stage);
  const status = await stage.client.status('', { with_state: true });
  const status_ms = performance.now() - idle.at_ms;
  const after = await mark(stage);
  const scrape = await measureScrapes(stage, rounds, signal);
  return {
    functions: status.functions.length,
    regions,
    rss_before_bytes: before.rss_bytes,
    rss_bytes: after.agent.rss_bytes,
    status_bytes: JSON.stringify(status).length,
    status_ms,
    status_cpu_ms: cpuMs(after.agent) - cpuMs(idle.agent),
    blocked_ms: after.agent.lag_ms.max,
    others_share: othersBetween(idle, after),
    scrape,
  };
}

/** One a round, each made anew: an agent keeps an answer for a moment. */
async function measureScrapes(
  stage: AgentStage,
  rounds: number,
  signal: AbortSignal,
): Promise<ScaleRun['scrape']> {
  const scrapes: Omit<ScaleRun['scrape'], 'n' | 'first_ms'>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (round > 0) await pause(SCRAPE_PAUSE_MS, undefined, { signal });
    const before = await mark(stage);
    const bytes = await getBytes(stage.http_path, '/metrics');
    const ms = performance.now() - before.at_ms;
    const after = await mark(stage);
    const { max: blocked_ms } = after.agent.lag_ms;
    scrapes.push({ ms, bytes, blocked_ms, others_share: othersBetween(before, after) });
  }
  const of = (part: 'ms' | 'bytes' | 'blocked_ms'): number[] => scrapes.map((one) => one[part]);
  const [first] = scrapes;
  const ms = median(of('ms'));
  assert(first && ms !== null, 'a run has a round');
  const shares = scrapes.flatMap(({ others_share }) => others_share ?? []);
  return {
    n: rounds,
    ms,
    first_ms: first.ms,
    bytes: Math.max(...of('bytes')),
    blocked_ms: Math.max(...of('blocked_ms')),
    others_share: shares.length === 0 ? null : Math.max(...shares),
  };
}

/** Length of the answer. Throws HP_BENCH_AGENT where it is none. */
function getBytes(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = get({ socketPath, path, timeout: LIMITS.agent_call_ms }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(agentBenchBroken(`${path} was answered with ${response.statusCode}`));
      });
    });
    asked.on('error', reject);
  });
}

/** What more and more VMs cost an agent that did nothing before, and that is asked for nothing. */
export async function measureVms(
  { vms, idle_ms }: Pick<AgentBenchOptions, 'vms' | 'idle_ms'>,
  onDeployed: (count: number) => void,
  signal: AbortSignal,
): Promise<VmsRun[]> {
  const at_rest = await atEach(vms, onDeployed, signal, async (stage) => {
    const idle = await measureIdle(stage, idle_ms, signal);
    const { rss_bytes } = await stage.agentUsage();
    return { rss_bytes, idle };
  });
  // Of another agent: one that was made to collect its garbage is not resident as usual.
  const collected = await atEach(vms, onDeployed, signal, async (stage) => {
    const { heap_bytes, external_bytes } = await stage.agentUsage(true);
    return { kept_bytes: heap_bytes + external_bytes };
  });
  return at_rest.flatMap((one, at) => {
    const kept = collected[at];
    return kept ? [{ ...one, ...kept }] : [];
  });
}

/** What `look` sees of an agent that begins with nothing, at each number of VMs. */
async function atEach<T>(
  vms: readonly number[],
  onDeployed: (count: number) => void,
  signal: AbortSignal,
  look: (stage: AgentStage) => Promise<T>,
): Promise<(T & Pick<VmsRun, 'vms' | 'regions'>)[]> {
  const stage = await AgentStage.open();
  const runs: (T & Pick<VmsRun, 'vms' | 'regions'>)[] = [];
  const regions = VM_REGIONS;
  try {
    let from = 0;
    for (const count of vms) {
      await deployUpTo(count, { stage, from, regions, onDeployed, signal });
      from = count;
      runs.push({ vms: count, regions, ...(await look(stage)) });
    }
  } finally {
    await stage.close();
  }
  return runs;
}

/** Nothing is asked of the agent, which goes on looking after what it has. */
export async function measureIdle(
  stage: AgentStage,
  for_ms: number,
  signal: AbortSignal,
): Promise<IdleRun> {
  const before = await stage.agentUsage();
  const begin_ms = performance.now();
  await pause(for_ms, undefined, { signal });
  const wall_ms = performance.now() - begin_ms;
  const after = await stage.agentUsage();
  return { wall_ms, cpu_ms: cpuMs(after) - cpuMs(before) };
}

const cpuMs = ({ user_us, system_us }: Usage): number => (user_us + system_us) / US_PER_MS;
