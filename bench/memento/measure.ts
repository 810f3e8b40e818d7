/** One trial: memory is made ready, and nobody waits; then one call, and everything given back. */
import type { AgentClient } from '../../agent/api/client.ts';
import type { RungStatus } from '../../agent/model/pool-messages.ts';
import { NO_VALUES, type TargetValues } from '../../agent/model/targets.ts';
import type { Invocation } from '../../autoscaler/replay/agent-api.ts';
import type { Clock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { callFailed } from '../errors.ts';
import type { MementoOptions } from './options.ts';
import { callOfTrial, mementoFunction, mementoName, type Trial } from './plan.ts';
import type { TrialLine } from './records.ts';

export type MementoApi = Pick<AgentClient, 'invoke' | 'drain' | 'status' | 'setTargets'>;

/** Until a region stands ready, or an instance was started ahead, runtime and all. */
const READY_MS = 120_000;
const LOOK_MS = 100;

/** Throws HP_BENCH_CALL where nothing gets ready. */
export async function measureCall(
  api: MementoApi,
  trial: Trial,
  { options, clock }: { readonly options: MementoOptions; readonly clock: Clock },
  signal: AbortSignal,
): Promise<TrialLine> {
  const { subject, arm, start, round } = trial;
  const name = mementoName(mementoFunction(trial));
  const ready = arm.parts.includes('prepare') ? 'populated' : 'plugged';
  await aim(api, name, { reserve: 1 }, signal);
  await until(api, { name, clock, signal }, ready);
  if (start === 'warm') {
    await aim(api, name, { reserve: 1, warm: 1 }, signal);
    await until(api, { name, clock, signal }, 'warm');
  }
  const invocation_id = `${round} ${arm.name} ${start}`;
  const request = { function: name, invocation_id, ...callOfTrial(trial, options) };
  const reply = await api.invoke(request, { signal });
  // Else another would be started ahead in its place.
  await aim(api, name, { reserve: 1 }, signal);
  await api.drain(name, { signal });
  return {
    round,
    function: subject.name,
    arm: arm.name,
    start,
    ...timesOf(reply),
    was_populated: ready === 'populated',
    reason: whyWorthless(reply, trial),
  };
}

function timesOf(reply: Invocation): Pick<TrialLine, 'first_byte_ms' | 'call_ms' | 'minor_faults'> {
  const { outcome, received_at_ms, assigned_at_ms, instance_ready_at_ms } = reply;
  const { first_byte_at_ms, minor_faults } = reply;
  if (outcome !== 'done' || first_byte_at_ms === null || assigned_at_ms === null) {
    return { first_byte_ms: null, call_ms: null, minor_faults: null };
  }
  const taken_at_ms = Math.max(assigned_at_ms, instance_ready_at_ms ?? assigned_at_ms);
  return {
    first_byte_ms: first_byte_at_ms - received_at_ms,
    call_ms: first_byte_at_ms - taken_at_ms,
    minor_faults,
  };
}

/** Of a call that was not what it was to be; null: it was. */
function whyWorthless(reply: Invocation, { start }: Trial): string | null {
  if (reply.outcome !== 'done') return `${reply.error_code}: ${reply.reason}`;
  if (reply.cold === (start === 'plugged')) return null;
  return reply.cold ? 'no instance was there' : 'an instance was there already';
}

async function aim(
  api: MementoApi,
  name: string,
  values: Partial<TargetValues>,
  signal: AbortSignal,
): Promise<void> {
  const who = { author: 'bench memento', reason: 'a trial', for_ms: null, revision: null };
  await api.setTargets({ function: name, values: { ...NO_VALUES, ...values }, ...who }, { signal });
}

async function until(
  api: MementoApi,
  { name, clock, signal }: { name: string; clock: Clock; signal: AbortSignal },
  wanted: RungStatus['rung'],
): Promise<void> {
  const look = async (): Promise<true | null> => {
    const [status] = (await api.status(name, { signal })).functions;
    const there = status?.rungs.find(({ rung }) => rung === wanted)?.have ?? 0;
    return there > 0 ? true : null;
  };
  const pace = { deadline_ms: READY_MS, longest_pause_ms: LOOK_MS };
  if (await waitFor(look, { clock, signal, ...pace })) return;
  throw callFailed(`nothing of ${name} was ${wanted} within ${READY_MS / 1_000} s`);
}
