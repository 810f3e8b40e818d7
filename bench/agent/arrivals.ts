/**
 * How late calls are sent that are due at a given time: the sender of `profile run`, at several
 * rates, to the agent as a process over a simulated VMM. Beside each rate the same arrivals are
 * timed without a call: what is late then is the host's, and this process's, own.
 */
import { arrivalTimes } from '../../autoscaler/profile/arrivals.ts';
import { LEAD_MS, sendOpenLoop } from '../../autoscaler/replay/open-loop.ts';
import type { Invocation } from '../../autoscaler/replay/agent-api.ts';
import { nothingOf } from '../../agent/model/fields.ts';
import { invocationSchema } from '../../agent/model/records.ts';
import { emulated } from '../../agent/model/work.ts';
import { hostClock } from '../../base/clock.ts';
import type { Progress } from '../../base/progress.ts';
import { seededRandom } from '../../base/random.ts';
import { describe, type Distribution, Sample } from '../../base/statistics.ts';
import { shown } from '../check.ts';
import { agentBenchInterrupted } from './errors.ts';
import { mark, othersBetween } from './marks.ts';
import { AgentStage } from './stage.ts';

/** Calls a second. */
export const ARRIVAL_RATES = [10, 100, 1_000] as const;

const REGIONS = 64;
const FUNCTION = 'arrivals';
/** Before anything is measured, so that what is called was compiled. */
const WARM_UP_CALLS = 3_000;
const WARM_UP_RATE = 500;
const PER_CENT = 100;
/** Most arrivals of one measurement. */
const ARRIVALS_MAX = 1_000_000;

export interface ArrivalBenchInput {
  readonly rates: readonly number[];
  /** Of each measurement. */
  readonly seconds: number;
  readonly rounds: number;
  readonly seed: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** One rate, over all rounds. */
export interface ArrivalRow {
  readonly rate_per_s: number;
  /** Null: timed alone, without a call. */
  readonly called: 'agent' | null;
  readonly arrivals: number;
  /** Of the calls; null: timed alone. */
  readonly done: number | null;
  /** Of |sent - due|. */
  readonly error: Distribution;
  readonly latest_ms: number;
  readonly earliest_ms: number;
  /** Until the agent had it, of received - due; null: timed alone. */
  readonly received: Distribution | null;
  /** The most of any round; null: this host does not tell. */
  readonly others_share: number | null;
}

interface Measured {
  readonly rate_per_s: number;
  readonly called: ArrivalRow['called'];
  readonly errors_ms: readonly number[];
  readonly received_ms: readonly number[];
  readonly done: number;
  readonly others_share: number | null;
}

/** Throws HP_BENCH_AGENT, HP_BENCH_INTERRUPTED; nothing it started is left in any case. */
export async function measureArrivals(input: ArrivalBenchInput): Promise<ArrivalRow[]> {
  const { rates, rounds, seconds, seed, progress, signal } = input;
  const stage = await AgentStage.open();
  try {
    await stage.deploy(FUNCTION, REGIONS, true);
    progress.step(1, 1 + rounds * rates.length, 'warm up');
    await measureOnce(stage, 'agent', WARM_UP_RATE, WARM_UP_CALLS / WARM_UP_RATE, { seed, signal });
    const measured: Measured[] = [];
    for (let round = 0; round < rounds; round += 1) {
      for (const [index, rate] of rates.entries()) {
        const step = 2 + round * rates.length + index;
        progress.step(step, 1 + rounds * rates.length, `${rate} a second`);
        // Whatever drifts meanwhile falls on both alike.
        const order = round % 2 === 0 ? ([null, 'agent'] as const) : (['agent', null] as const);
        for (const called of order) {
          const at = { seed: seed + round, signal };
          measured.push(await measureOnce(stage, called, rate, seconds, at));
        }
      }
    }
    progress.done(`${measured.length} measurements of ${seconds} s`);
    return arrivalRowsOf(measured);
  } catch (error) {
    throw signal.aborted ? agentBenchInterrupted() : error;
  } finally {
    await stage.close();
  }
}

const NO_WORK = emulated({ anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 0 });

async function measureOnce(
  stage: AgentStage,
  called: ArrivalRow['called'],
  rate_per_s: number,
  seconds: number,
  { seed, signal }: Pick<ArrivalBenchInput, 'seed' | 'signal'>,
): Promise<Measured> {
  const poisson = { kind: 'drawn', distribution: 'Poisson', rate_per_s, begin_s: 0 } as const;
  const rule = { ...poisson, end_s: seconds };
  const times_s = arrivalTimes(rule, seconds, seededRandom(seed), ARRIVALS_MAX) ?? [];
  const arrivals = times_s.map((at_s) => ({ at_ms: at_s * 1_000 }));
  const errors_ms: number[] = [];
  const received_ms: number[] = [];
  let done = 0;
  const before = await mark(stage);
  const start_ms = hostClock.nowMs() + LEAD_MS;
  await sendOpenLoop({
    arrivals,
    start_ms,
    clock: hostClock,
    signal,
    invoke: async () =>
      called === null
        ? NOTHING
        : await stage.client.invoke(
            { function: FUNCTION, invocation_id: 'bench', ...NO_WORK },
            { signal },
          ),
    onEnd: ({ at_ms }, sent_at_ms, sent) => {
      const due_ms = start_ms + at_ms;
      if (sent_at_ms !== null) errors_ms.push(sent_at_ms - due_ms);
      if (sent.kind !== 'replied' || called === null) return;
      if (sent.reply.outcome === 'done') done += 1;
      received_ms.push(sent.reply.received_at_ms - due_ms);
    },
  });
  const others_share = othersBetween(before, await mark(stage));
  return { rate_per_s, called, errors_ms, received_ms, done, others_share };
}

/** Pure. */
export function arrivalRowsOf(measured: readonly Measured[]): ArrivalRow[] {
  const keys = new Set(measured.map(({ rate_per_s, called }) => `${rate_per_s} ${called ?? ''}`));
  return [...keys].flatMap((key) => {
    const own = measured.filter(
      ({ rate_per_s, called }) => `${rate_per_s} ${called ?? ''}` === key,
    );
    const [first] = own;
    if (!first) return [];
    const errors = own.flatMap(({ errors_ms }) => errors_ms);
    const shares = own.flatMap(({ others_share }) => others_share ?? []);
    const { rate_per_s, called } = first;
    return {
      rate_per_s,
      called,
      arrivals: errors.length,
      done: called === null ? null : own.reduce((sum, one) => sum + one.done, 0),
      error: describe(Sample.of(errors.map(Math.abs))),
      latest_ms: errors.reduce((most, one) => Math.max(most, one), 0),
      earliest_ms: errors.reduce((least, one) => Math.min(least, one), 0),
      received:
        called === null ? null : describe(Sample.of(own.flatMap(({ received_ms }) => received_ms))),
      others_share: shares.length === 0 ? null : Math.max(...shares),
    };
  });
}

/** Pure. */
export function arrivalText(rows: readonly ArrivalRow[]): string {
  const lines = rows.map(({ rate_per_s, called, arrivals, error, received, ...row }) => {
    const at_agent = received ? `; at the agent p99 ${shown(received.p99_ms ?? null)} ms` : '';
    const { latest_ms, earliest_ms, done, others_share } = row;
    const others = others_share === null ? '-' : `${Math.round(others_share * PER_CENT)} %`;
    const answered = done === null ? '' : `, ${done} done`;
    return (
      `${String(rate_per_s).padStart(5)} a second, ${called ? 'called ' : 'timer  '}: ` +
      `p50 ${shown(error.p50_ms)} ms, p99 ${shown(error.p99_ms ?? null)} ms ` +
      `(${shown(latest_ms)} late, ${shown(0 - earliest_ms)} early at most)${at_agent}; ` +
      `${arrivals} arrivals${answered}, others at most ${others}`
    );
  });
  const notes = [
    'Arrival error, |sent - due|, of Poisson arrivals that wait for no answer. timer: the same',
    'arrivals without a call, which is what this host and its clock leave to be late.',
  ];
  return `${[...lines, '', ...notes].join('\n')}\n`;
}

/** Of an arrival that is timed alone. */
const NOTHING: Invocation = {
  ...nothingOf(invocationSchema),
  invocation_id: '',
  function: '',
  cold: false,
  outcome: 'done',
  received_at_ms: 0,
};
