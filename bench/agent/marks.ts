/** What bench and host have used until a moment, and between two. */
import { performance } from 'node:perf_hooks';
import type { CpuTicks } from '../../autoscaler/replay/load.ts';
import type { Usage } from './child-messages.ts';
import { othersShare, readHostTicks } from './host-load.ts';
import type { AgentStage } from './stage.ts';

const US_PER_MS = 1_000;

/** All that was used until now by the bench, and by the host. */
export interface UsageMark {
  readonly agent: Usage;
  readonly peer: Usage;
  readonly own_us: number;
  readonly host: CpuTicks | null;
  readonly at_ms: number;
}

export async function mark(stage: AgentStage): Promise<UsageMark> {
  const [agent, peer] = await Promise.all([stage.agentUsage(), stage.peer.usage()]);
  const { user, system } = process.cpuUsage();
  const at_ms = performance.now();
  return { agent, peer, own_us: user + system, host: readHostTicks(), at_ms };
}

export const cpuUs = ({ user_us, system_us }: Usage): number => user_us + system_us;

function oursMs(before: UsageMark, after: UsageMark): number {
  const total = ({ agent, peer, own_us }: UsageMark): number => cpuUs(agent) + cpuUs(peer) + own_us;
  return (total(after) - total(before)) / US_PER_MS;
}

/** Share of the host's CPU that others used between the two; null: not known. */
export const othersBetween = (before: UsageMark, after: UsageMark): number | null =>
  othersShare(before.host, after.host, oursMs(before, after));

/** How long it took, and what others used of the host's CPU meanwhile. */
export async function measured(
  stage: AgentStage,
  work: () => Promise<void>,
): Promise<{
  readonly wall_ms: number;
  readonly others_share: number | null;
  /** Of the agent's loop. */
  readonly lag_max_ms: number;
}> {
  const before = await mark(stage);
  await work();
  const wall_ms = performance.now() - before.at_ms;
  const after = await mark(stage);
  const { max: lag_max_ms } = after.agent.lag_ms;
  return { wall_ms, others_share: othersBetween(before, after), lag_max_ms };
}
