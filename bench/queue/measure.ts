/** One arm in one round: a function that gives its memory back, beside three that are called. */
import type { AgentClient } from '../../agent/api/client.ts';
import { emulated, type Work } from '../../agent/model/work.ts';
import type { Clock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { callFailed } from '../errors.ts';
import type { RequestSample } from '../reclaim/measure/guest-work.ts';
import { isTouching, shamWindows, touching, type Window } from '../reclaim/plan/windows.ts';
import type { RecordKeeper } from '../record-keeper.ts';
import { median } from '../statistics.ts';
import type { QueueBenchOptions } from './options.ts';
import {
  bytesFor,
  type QueueNeighbour,
  NEIGHBOURS,
  touchWork,
  TRIAL_BYTES,
  type QueueTurn,
} from './plan.ts';
import type { QueueNeighbourLine, Operation, QueueLine } from './records.ts';
import { Churn } from './churn.ts';

export type QueueApi = Pick<AgentClient, 'invoke' | 'status'>;

/** From one stretch of quiet time to the next, on average. */
const APART_MS = 50;
/** So many times as long as a call is to take nobody calls the function then. */
const REST_TIMES = 1;
const TRIALS = 12;

export interface QueueTask {
  readonly turn: QueueTurn;
  readonly options: QueueBenchOptions;
  readonly trial_ms: number;
  readonly clock: Clock;
  /** After that no cycle is begun but the first. */
  readonly until_ms: number;
  /** Hears which cycle is played. */
  readonly tell: (text: string) => void;
}

/** How long TRIAL_BYTES take to touch here, by the median of a few calls. Throws HP_BENCH_CALL. */
export async function measureTrial(api: QueueApi, signal: AbortSignal): Promise<number> {
  const took: number[] = [];
  for (let index = 0; index < TRIALS; index += 1) {
    const { latency_ms } = await call(api, NEIGHBOURS[0], touchWork(TRIAL_BYTES), signal);
    took.push(latency_ms);
  }
  return median(took) ?? Number.NaN;
}

/** Throws HP_BENCH_CALL where a neighbour's call fails. */
export async function measureTurn(
  api: QueueApi,
  records: Pick<RecordKeeper, 'operations'>,
  task: QueueTask,
  signal: AbortSignal,
): Promise<QueueLine> {
  const { turn, options, trial_ms, clock, tell } = task;
  const done = new AbortController();
  const callers = NEIGHBOURS.map((neighbour) => {
    const work = touchWork(bytesFor(neighbour, trial_ms));
    const samples: RequestSample[] = [];
    const calling = (async () => {
      while (!done.signal.aborted && !signal.aborted) {
        samples.push(await call(api, neighbour, work, signal));
        await clock.sleep(REST_TIMES * neighbour.call_ms);
      }
    })();
    // Told below; unheard until then it would end the process.
    calling.catch(() => undefined);
    return { neighbour, samples, calling };
  });
  const churned = new Churn({ api, records, options, trial_ms, clock });
  const linesNow = (): QueueNeighbourLine[] => {
    const windows = windowsOf(churned.unplugs());
    const { filling } = churned;
    const about = { windows, filling, quiet: quietOf(churned.quiet, windows), seed: options.seed };
    return callers.map(({ neighbour, samples }) => lineOf(neighbour, samples, about));
  };
  let cycles = 0;
  try {
    while (cycles < options.cycles) {
      cycles += 1;
      tell(`${cycles} of at most ${options.cycles}`);
      await churned.cycle(cycles, signal);
      if (clock.nowMs() >= task.until_ms || hasEnough(linesNow(), options)) break;
    }
  } finally {
    done.abort();
    await Promise.allSettled(callers.map(({ calling }) => calling));
  }
  for (const { calling } of callers) await calling;
  const { queue } = await api.status(undefined, { signal });
  return {
    arm: turn.arm.name,
    round: turn.round,
    cycles,
    neighbours: linesNow(),
    ...churned.figures(),
    slowdown: queue?.slowdown ?? null,
    tokens: queue?.tokens ?? 0,
  };
}

async function call(
  api: QueueApi,
  { name }: Pick<QueueNeighbour, 'name'>,
  work: Work,
  signal: AbortSignal,
): Promise<RequestSample> {
  const reply = await api.invoke(
    { function: name, invocation_id: name, ...emulated(work) },
    { signal },
  );
  const { guest_wall_ms, finished_at_ms } = reply;
  if (reply.outcome !== 'done' || guest_wall_ms === null || finished_at_ms === null) {
    throw callFailed(`${name}: ${reply.error_code}: ${reply.reason}`);
  }
  return { start_ms: finished_at_ms - guest_wall_ms, latency_ms: guest_wall_ms };
}

/** From the request to the VMM until the host has it, or the VMM where nobody looked. */
function windowsOf(unplugs: readonly Operation[]): Window[] {
  return unplugs.flatMap(({ requested_at_ms, plugged_at_ms, resident_at_ms }) => {
    const to_ms = resident_at_ms ?? plugged_at_ms;
    return requested_at_ms === null || to_ms === null ? [] : [{ from_ms: requested_at_ms, to_ms }];
  });
}

/** Whether a turn has its part of the calls that the arm is to have. */
function hasEnough(
  lines: readonly QueueNeighbourLine[],
  { calls, rounds }: Pick<QueueBenchOptions, 'calls' | 'rounds'>,
): boolean {
  const part = Math.ceil(calls / rounds);
  return lines.every(({ busy_ms, control_ms }) => {
    return Math.min(busy_ms.length, control_ms.length) >= part;
  });
}

/**
 * Of stretches of quiet time what comes after the unplugs before them, of which the host may have
 * the memory a little later; none in which one is begun.
 */
export function quietOf(stretches: readonly Window[], windows: readonly Window[]): Window[] {
  return stretches.flatMap((one) => {
    const before = windows.filter(({ from_ms }) => from_ms < one.from_ms);
    const from_ms = Math.max(one.from_ms, ...before.map(({ to_ms }) => to_ms));
    const rest = { from_ms, to_ms: one.to_ms };
    const is_quiet = from_ms < rest.to_ms && !windows.some((window) => meets(rest, window));
    return is_quiet ? [rest] : [];
  });
}

const meets = (a: Window, b: Window): boolean => a.from_ms < b.to_ms && b.from_ms < a.to_ms;

function lineOf(
  { name }: (typeof NEIGHBOURS)[number],
  samples: readonly RequestSample[],
  about: {
    readonly windows: readonly Window[];
    readonly filling: readonly Window[];
    readonly quiet: readonly Window[];
    readonly seed: number;
  },
): QueueNeighbourLine {
  const { windows, filling, quiet, seed } = about;
  const lengths_ms = windows.map(({ from_ms, to_ms }) => to_ms - from_ms);
  const sham = shamWindows(quiet, lengths_ms, APART_MS, seededRandom(seed));
  // What slows down a call that also met the filling is not known.
  const met = samples.filter((one) => isTouching(one, windows));
  const latencies = (is_mixed: boolean): number[] =>
    met.flatMap((one) => (isTouching(one, filling) === is_mixed ? [one.latency_ms] : []));
  return {
    name,
    busy_ms: latencies(false),
    mixed_ms: latencies(true),
    control_ms: touching(samples, sham),
  };
}
