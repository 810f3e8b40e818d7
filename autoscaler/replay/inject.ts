/** Brings planned failures about, each at its time, and tells what became of it. */
import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/errors.ts';
import type { InjectedFailure } from '../results/schema.ts';
import type { AgentApi } from './agent-api.ts';
import type { PlannedFailure } from './failures.ts';
import { REPLAY_LIMITS } from './limits.ts';

/** What can be done to an agent of our own and to its VMMs. */
export interface Harm {
  /** Throws when that VM has no VMM. */
  signalVmm(vm_id: string, signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Kills the agent and starts another with its state; resolves when it answers. */
  replaceAgent(signal: AbortSignal): Promise<void>;
}

export interface InjectOptions {
  /** By time. */
  readonly planned: readonly PlannedFailure[];
  readonly start_ms: number;
  readonly agent: AgentApi;
  readonly harm: Harm;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Never throws: one that could not be brought about says why. One after the other. */
export async function injectFailures(options: InjectOptions): Promise<InjectedFailure[]> {
  const { planned, start_ms, clock, signal } = options;
  const done: InjectedFailure[] = [];
  for (const one of planned) {
    const wait_ms = start_ms + one.at_ms - clock.nowMs();
    if (wait_ms > 0) await clock.sleep(wait_ms, signal).catch(() => {});
    if (signal.aborted) break;
    const at_ms = sinceStart(options);
    const told = { failure: one.failure, function: one.function, planned_at_ms: one.at_ms, at_ms };
    try {
      const vm_id = await bringAbout(one, options);
      done.push({ ...told, vm_id, over_at_ms: sinceStart(options), problem: null });
    } catch (error) {
      const problem = describeError(error).slice(0, 1024);
      done.push({ ...told, vm_id: null, over_at_ms: null, problem });
    }
  }
  return done;
}

function sinceStart({ clock, start_ms }: InjectOptions): number {
  return Math.round((clock.nowMs() - start_ms) * 1000) / 1000;
}

/** The VM it was done to; null: to none. */
async function bringAbout(one: PlannedFailure, options: InjectOptions): Promise<string | null> {
  const { harm, clock, signal } = options;
  if (one.failure === 'kill-agent') {
    await harm.replaceAgent(signal);
    return null;
  }
  const vm_id = await vmOf(one.function ?? '', options);
  if (one.failure === 'kill-vmm') {
    await harm.signalVmm(vm_id, 'SIGKILL');
    return vm_id;
  }
  await harm.signalVmm(vm_id, 'SIGSTOP');
  try {
    await clock.sleep(REPLAY_LIMITS.stall_ms, signal).catch(() => {});
  } finally {
    await harm.signalVmm(vm_id, 'SIGCONT');
  }
  return vm_id;
}

/** Its VM of now: after an earlier failure it is another one. */
async function vmOf(name: string, { agent, signal }: InjectOptions): Promise<string> {
  const { functions } = await agent.status(name, { signal });
  const found = functions.find((one) => one.function.name === name);
  if (found && found.vm_id !== '') return found.vm_id;
  throw new Error(`${name} has no VM`);
}
