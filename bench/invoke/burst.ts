/** One burst: so many invocations at once, then everything given back. */
import { emulated } from '../../agent/model/work.ts';
import type { AgentClient } from '../../agent/api/client.ts';
import type { Invocation } from '../../autoscaler/replay/agent-api.ts';
import type { Clock } from '../../base/clock.ts';
import { burstFailed } from '../errors.ts';
import { type BurstPlan, functionName } from './plan.ts';
import { stagesOf, type StartLine } from './stages.ts';

/**
 * How long each invocation holds its instance, asleep: an instance that came free before the last
 * one was ready would serve its invocation, and that start would go unseen.
 */
const HOLD_MS = 1_500;
const TOUCHED_BYTES = 1024 * 1024;

export type BurstApi = Pick<AgentClient, 'invoke' | 'drain'>;

export interface Burst {
  readonly lines: readonly StartLine[];
  /** Invocations that an instance of another one served after all. */
  readonly warm: number;
}

/** Throws HP_BENCH_START when an invocation was refused or failed. */
export async function fireBurst(
  api: BurstApi,
  plan: BurstPlan,
  clock: Clock,
  signal: AbortSignal,
): Promise<Burst> {
  const name = functionName(plan.mechanism);
  const wall_ms = plan.starts === 1 ? 0 : HOLD_MS;
  const call = emulated({ anonymous_bytes: TOUCHED_BYTES, file_bytes: 0, cpu_ms: 0, wall_ms });
  const asked = Array.from({ length: plan.starts }, async (_, index) => {
    const request = { function: name, invocation_id: `${plan.burst}-${index}`, ...call };
    const sent_at_ms = clock.nowMs();
    return { sent_at_ms, reply: await api.invoke(request, { signal }) };
  });
  const replies = await Promise.all(asked);
  await api.drain(name, { signal });
  for (const { reply } of replies) assertDone(plan, reply);
  const cold = replies.filter(({ reply }) => reply.cold);
  const { burst, mechanism, starts } = plan;
  return {
    lines: cold.map(({ reply, sent_at_ms }) => ({
      burst,
      mechanism,
      starts,
      stages_ms: stagesOf(reply, sent_at_ms),
    })),
    warm: replies.length - cold.length,
  };
}

function assertDone(plan: BurstPlan, reply: Invocation): void {
  if (reply.outcome === 'done') return;
  const { error_code, reason } = reply;
  throw burstFailed(`${plan.mechanism}, ${plan.starts} starts: ${error_code} ${reason}`);
}
