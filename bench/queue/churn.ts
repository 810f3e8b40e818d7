/** The function that fills its memory in all its instances at once, and has it given back. */
import type { AgentClient } from '../../agent/api/client.ts';
import { emulated } from '../../agent/model/work.ts';
import type { Clock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import type { RecordKeeper } from '../record-keeper.ts';
import type { Window } from '../reclaim/plan/windows.ts';
import type { QueueBenchOptions } from './options.ts';
import { CHURN, CHURN_INSTANCES, churnWork } from './plan.ts';
import type { Operation, QueueLine } from './records.ts';

/** From its last answers until a cycle is gone on with, whatever is back by then. */
const BACK_MS = 5_000;
/** Nothing is given back in it, where all was: what the others are compared with. */
const QUIET_MS = 2_000;

export interface ChurnInput {
  readonly api: Pick<AgentClient, 'invoke' | 'status'>;
  readonly records: Pick<RecordKeeper, 'operations'>;
  readonly options: QueueBenchOptions;
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
    const { api, options, clock } = this.#input;
    const call = emulated(churnWork(options));
    const replies = await Promise.all(
      Array.from({ length: CHURN_INSTANCES }, async (_, index) => {
        const invocation_id = `${CHURN} ${number}.${index + 1}`;
        return await api.invoke({ function: CHURN, invocation_id, ...call }, { signal });
      }),
    );
    for (const { outcome, error_code, reason } of replies) {
      if (outcome !== 'done') this.#reasons.push(`${CHURN}: ${error_code}: ${reason}`);
    }
    const answered_ms = clock.nowMs();
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
    this.#note(answered_ms, is_back === true);
  }

  /** Records follow what they are about; those of this cycle are there by now. */
  #note(answered_ms: number, is_back: boolean): void {
    const back = this.#own().flatMap((one) => {
      const { kind, plugged_at_ms: at_ms, before_bytes, plugged_bytes } = one;
      const in_time = at_ms !== null && at_ms > answered_ms && at_ms <= answered_ms + BACK_MS;
      return kind === 'unplug' && in_time ? [{ at_ms, bytes: before_bytes - plugged_bytes }] : [];
    });
    const ends_ms = back.map(({ at_ms }) => at_ms);
    this.#back.ms += is_back ? Math.max(answered_ms, ...ends_ms) - answered_ms : BACK_MS;
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
