/**
 * Calibrate: how long calls of a real program take on this host, by their size. One instance, alone
 * and warm, is asked for ever larger sizes until a call takes as long as the longest wanted.
 */
import type { FunctionProgram } from '../../agent/model/program.ts';
import type { Clock } from '../../base/clock.ts';
import type { CurvePoint } from '../workload-model/program-curve.ts';
import type { AgentApi, FunctionSpec, Invocation } from './agent-api.ts';
import { notCalibrated } from './errors.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { callOf, type RealInput } from './plan.ts';
import type { Stand } from './real-plan.ts';

/** Real programs, as they are built and deployed. */
export interface RealPrograms {
  /** What its function.yaml asks for. Throws HP_YAML. */
  needsOf(names: readonly string[]): Promise<ReadonlyMap<string, Stand['needs']>>;
  /** Built, or found in the cache. Throws HP_IMAGE_*. */
  build(name: string, signal: AbortSignal): Promise<FunctionProgram>;
}

export interface Calibration {
  readonly agent: AgentApi;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly seed: number;
}

/** Sizes of two calls that follow one another are so many times apart. */
const STEP = 3;
/** A call that is over sooner is made so often, and the shortest counts. */
const REPEATED_BELOW_MS = 250;
const REPEATS = 5;
/** A runtime translates what it runs often; the first calls are those before. */
const WARM_UP_CALLS = 5;

/** The calls of a program by size; `spec` is a function for it. Throws HP_REPLAY_CALIBRATE. */
export async function calibrate(
  spec: FunctionSpec,
  stand: Stand,
  { agent, clock, signal, seed }: Calibration,
): Promise<readonly CurvePoint[]> {
  const until_ms = clock.nowMs() + REPLAY_LIMITS.calibration_ms;
  const points: CurvePoint[] = [];
  const callOnce = async (input: RealInput): Promise<number> =>
    await timeOfCall(agent, spec.name, input, signal);
  await agent.deploy(spec, { signal });
  try {
    const least = stand.costs.points[0]?.size ?? 1;
    for (let call = 0; call < WARM_UP_CALLS; call += 1) await callOnce({ seed, size: least });
    for (let size = least; ; size = Math.min(stand.most_size, size * STEP)) {
      let ms = await callOnce({ seed, size });
      for (let again = 1; again < REPEATS && ms < REPEATED_BELOW_MS; again += 1) {
        ms = Math.min(ms, await callOnce({ seed, size }));
      }
      points.push({ size, ms });
      const is_enough = ms >= stand.longest_ms || size >= stand.most_size;
      if (is_enough || clock.nowMs() >= until_ms) return points;
    }
  } finally {
    await agent.remove(spec.name);
  }
}

async function timeOfCall(
  agent: AgentApi,
  name: string,
  input: RealInput,
  signal: AbortSignal,
): Promise<number> {
  const { size } = input;
  const invocation_id = `calibrate-${size}`;
  const task = { kind: 'real', input } as const;
  const request = { function: name, invocation_id, ...callOf({ task }) };
  const deadline_ms = REPLAY_LIMITS.calibration_ms + REPLAY_LIMITS.invoke_slack_ms;
  const reply = await agent.invoke(request, { deadline_ms, signal });
  const ms = workMs(reply);
  if (reply.outcome === 'done' && ms !== null && ms > 0) return ms;
  throw notCalibrated(name, size, reply.reason ?? 'its time was not told');
}

/** As the guest measured it; else as long as an instance had it. */
function workMs({ guest_wall_ms, assigned_at_ms, finished_at_ms }: Invocation): number | null {
  if (guest_wall_ms !== null) return guest_wall_ms;
  if (assigned_at_ms === null || finished_at_ms === null) return null;
  return finished_at_ms - assigned_at_ms;
}
