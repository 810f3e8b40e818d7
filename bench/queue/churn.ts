/** The function that fills its memory in all its instances at once, and has it given back. */
import type { AgentClient } from '../../agent/api/client.ts';
import { emulated } from '../../agent/model/work.ts';
import type { Clock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import type { RecordKeeper } from '../record-keeper.ts';
import type { Window } from '../reclaim/plan/windows.ts';
import type { QueueBenchOptions } from './options.ts';
import { CHURN, CHURN_INSTANCES, CHURN_KEEP_MS, churnWork } from './plan.ts';
import type { Operation, QueueLine } from './records.ts';

/** From its last answers until a cycle is gone on with, whatever is back by then. */
const BACK_MS = 5_000;
/** Nothing is given back in it, where all was: what the others are compared with. */
const QUIET_MS = 1_000;

export interface ChurnInput {
  readonly api: Pick<AgentClient, 'invoke' | 'status'>;
  readonly records: Pick<RecordKeeper, 'operations'>;
  readonly options: QueueBenchOptions;
  /** What TRIAL_BYTES took. */
  readonly trial_ms: number;
  readonly clock: Clock;
}

/** What a line tells of it. */
type ChurnFigures = Pick<
  QueueLine,
  | 'back_bytes'
  | 'back_ms'
  | 'kept'
  | 'start_held_ms'
  | 'reclaim_held_ms'
  | 'unplugs'
  | 'steps'
  | 'failed'
  | 'reason'
>;

export class Churn {
  /** Stretches in which it does nothing; what it kept may go back in one. */
  readonly quiet: Window[] = [];
  /** From the first call of a cycle to its last answer: it fills its memory. */
  readonly filling: Window[] = [];
  readonly #input: ChurnInput;
  readonly #first: number;
  readonly #back = { bytes: 0, ms: 0, kept: 0 };
  readonly #reasons: string[] = [];

  constructor(input: ChurnInput) {
    this.#input = input;
    this.#first = input.records.operations.length;
  }

  /** It fills its memory, is done, and gives it back. */
  async cycle(number: number, signal: AbortSignal): Promise<void> {
    const { api, options, trial_ms, clock } = this.#input;
    const call = emulated(churnWork(options, trial_ms));
    const begun_ms = clock.nowMs();
    const replies = await Promise.all(
      Array.from({ length: CHURN_INSTANCES }, async (_, index) => {
        const invocation_id = `${CHURN} ${number}.${index + 1}`;
        return await api.invoke({ function: CHURN, invocation_id, ...call }, { signal });
      }),
    );
    for (const { outcome, error_code, reason } of replies) {
      if (outcome !== 'done') this.#reasons.push(`${CHURN}: ${error_code}: ${reason}`);
    }
    const now_ms = clock.nowMs();
    this.filling.push({ from_ms: begun_ms, to_ms: now_ms });
    const due_ms = replies.map(({ finished_at_ms }) => (finished_at_ms ?? now_ms) + CHURN_KEEP_MS);
    const is_back = await waitFor(
      async () => {
        const [status] = (await api.status(CHURN, { signal })).functions;
        return status?.permits_bytes === 0 ? true : null;
      },
      { clock, deadline_ms: BACK_MS, signal },
    );
    const from_ms = clock.nowMs();
    await clock.sleep(QUIET_MS, signal);
    this.quiet.push({ from_ms, to_ms: clock.nowMs() });
    this.#note(due_ms, now_ms + BACK_MS, is_back === true);
  }

  /** Records follow what they are about; those of this cycle are there by now. */
  #note(due_ms: readonly number[], until_ms: number, is_back: boolean): void {
    const from_ms = Math.min(...due_ms) - CHURN_KEEP_MS;
    const back = this.unplugs().flatMap(({ plugged_at_ms: at_ms, before_bytes, plugged_bytes }) => {
      const in_time = at_ms !== null && at_ms >= from_ms && at_ms <= until_ms;
      return in_time ? [{ at_ms, bytes: before_bytes - plugged_bytes }] : [];
    });
    const back_ms = back.map(({ at_ms }) => at_ms);
    this.#back.ms += owedMs(due_ms, back_ms, until_ms);
    this.#back.bytes += back.reduce((sum, { bytes }) => sum + bytes, 0);
    if (!is_back) this.#back.kept += 1;
  }

  #own(): Operation[] {
    const { operations } = this.#input.records;
    return operations.slice(this.#first).filter((one) => one.function === CHURN);
  }

  unplugs(): Operation[] {
    return this.#own().filter(({ kind }) => kind === 'unplug');
  }

  figures(): ChurnFigures {
    const unplugs = this.unplugs();
    return {
      back_bytes: this.#back.bytes,
      back_ms: this.#back.ms,
      kept: this.#back.kept,
      start_held_ms: longestHeld(this.#own().filter(({ kind }) => kind === 'plug')),
      reclaim_held_ms: longestHeld(unplugs),
      unplugs: unplugs.length,
      steps: unplugs.reduce((sum, { steps }) => sum + (steps ?? 1), 0),
      failed: this.#reasons.length,
      reason: this.#reasons[0] ?? null,
    };
  }
}

/** One that went at once says nothing of it. */
function longestHeld(operations: readonly Operation[]): number | null {
  if (operations.length === 0) return null;
  return Math.max(...operations.map(({ held_ms }) => held_ms ?? 0));
}

/**
 * For how long, until `until_ms`, something was due that was not back: instances end one after the
 * other, and while none is due there is nothing to give back.
 */
export function owedMs(
  due_ms: readonly number[],
  back_ms: readonly number[],
  until_ms: number,
): number {
  const changes = [
    ...due_ms.map((at_ms) => ({ at_ms, more: 1 })),
    ...back_ms.map((at_ms) => ({ at_ms, more: -1 })),
  ].toSorted((a, b) => a.at_ms - b.at_ms);
  let [owed, before_ms, sum_ms] = [0, 0, 0];
  for (const { at_ms, more } of [...changes, { at_ms: until_ms, more: 0 }]) {
    if (owed > 0) sum_ms += Math.max(0, Math.min(at_ms, until_ms) - before_ms);
    owed += more;
    before_ms = at_ms;
  }
  return sum_ms;
}
