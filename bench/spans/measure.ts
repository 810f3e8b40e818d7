/** One invocation of a mechanism, and what the host held before, meanwhile and after. */
import { z } from 'zod';
import type { AgentClient } from '../../agent/api/client.ts';
import { heardStatus } from '../../agent/api/heard-status.ts';
import type { MechanismName } from '../../agent/model/mechanism.ts';
import type { Operation } from '../../agent/model/records.ts';
import { emulated } from '../../agent/model/work.ts';
import type { Clock } from '../../base/clock.ts';
import { parseJson } from '../../base/json.ts';
import { waitFor } from '../../base/wait.ts';
import { callFailed } from '../errors.ts';
import type { RecordKeeper } from '../record-keeper.ts';
import { heldOf } from './held.ts';
import type { SpansOptions } from './options.ts';
import { IDLE, MEASURED, spansFunction, spansWorkOf, repeatsOf } from './plan.ts';
import type { SpansLine, TookMs } from './records.ts';

export type SpansApi = Pick<AgentClient, 'invoke' | 'status' | 'vms' | 'watch'>;

/** Between two looks at what the host holds. */
const LOOK_MS = 500;
/** From an answer until the last record of what its invocation gave back. */
const RECORDS_MS = 60_000;
/** One of them with all its touching, where an emulator has a crowded host. */
const CYCLE_MS = 60_000;

const answerSchema = z.object({
  spans: z.array(z.tuple([z.number(), z.number(), z.number()])).default([]),
});

type Records = Pick<RecordKeeper, 'operations'>;

/**
 * Of the records of a run those of spans that were opened and closed, as they were decided: a guest
 * that is late with its figures of one has its record come after that of the next.
 */
export const spanOperations = ({ operations }: Records): Operation[] =>
  operations
    .filter(({ cause }) => cause === 'open' || cause === 'close')
    .toSorted((a, b) => decidedAt(a) - decidedAt(b));

/** What has no stamp comes last. */
const decidedAt = ({ decided_at_ms }: Operation): number => decided_at_ms ?? Number.MAX_VALUE;

const countOf = ({ operations }: Records, what: 'open' | 'close'): number =>
  operations.filter(({ cause }) => cause === what).length;

export async function measureSpans(
  api: SpansApi,
  records: RecordKeeper,
  about: {
    readonly mechanism: MechanismName;
    readonly options: SpansOptions;
    readonly clock: Clock;
    readonly onLook: (closed: number, held_bytes: number) => void;
  },
  signal: AbortSignal,
): Promise<SpansLine> {
  const { mechanism, options, clock, onLook } = about;
  const name = spansFunction(mechanism);
  const times = repeatsOf(mechanism, options);
  const warm = await api.invoke(
    { function: name, invocation_id: 'warm', ...emulated(IDLE) },
    { signal },
  );
  if (warm.outcome !== 'done') throw callFailed(`${name}: ${warm.error_code}: ${warm.reason}`);
  const held = new Looks(await pidOf(api, name, signal), clock);
  const before = held.look();
  const begun_ms = clock.nowMs();
  const work = { ...emulated(spansWorkOf(mechanism, options)), timeout_ms: times * CYCLE_MS };
  const reply = await held.during(
    () => onLook(countOf(records, 'close'), held.last),
    api.invoke({ function: name, invocation_id: 'spans', ...work }, { signal }),
  );
  const call_ms = clock.nowMs() - begun_ms;
  if (mechanism === MEASURED) {
    const all = () =>
      countOf(records, 'open') >= times && countOf(records, 'close') >= times ? true : null;
    await waitFor(all, { clock, deadline_ms: RECORDS_MS, signal });
  }
  const end = held.look();
  const [status] = (await heardStatus(api, name, { clock, signal })).functions;
  return {
    mechanism,
    times,
    call_ms: Math.round(call_ms),
    reason: reply.outcome === 'done' ? null : `${reply.error_code}: ${reply.reason}`,
    held: { before, most: held.most, end },
    took: tookOf(reply.answer?.bytes ?? null),
    pages_migrated: status?.pages_migrated ?? null,
    oom_kills: status?.oom_kills ?? null,
  };
}

/** What a process holds, looked at now and then. */
class Looks {
  last = 0;
  most = 0;
  readonly #pid: number;
  readonly #clock: Clock;

  constructor(pid: number, clock: Clock) {
    this.#pid = pid;
    this.#clock = clock;
  }

  /** Throws HP_BENCH_CALL when it is gone. */
  look(): number {
    const bytes = heldOf(this.#pid);
    if (bytes === null) throw callFailed('the VMM ended');
    return this.#note(bytes);
  }

  #note(bytes: number): number {
    this.last = bytes;
    this.most = Math.max(this.most, bytes);
    return bytes;
  }

  async during<Result>(onLook: () => void, work: Promise<Result>): Promise<Result> {
    const again = (): void => {
      const bytes = heldOf(this.#pid);
      // What became of one that is gone, the work tells.
      if (bytes === null) return;
      this.#note(bytes);
      onLook();
      callOff = this.#clock.timer(LOOK_MS, again);
    };
    let callOff = this.#clock.timer(LOOK_MS, again);
    try {
      return await work;
    } finally {
      callOff();
    }
  }
}

async function pidOf(api: SpansApi, name: string, signal: AbortSignal): Promise<number> {
  for await (const { vmm_pid } of api.vms({ function: name }, { signal })) {
    if (vmm_pid !== null) return vmm_pid;
  }
  throw callFailed(`${name} has no VM`);
}

/** What the program tells of them; a failed one tells nothing. */
function tookOf(bytes: Uint8Array | null): TookMs[] {
  const read = answerSchema.safeParse(bytes && parseJson(Buffer.from(bytes).toString('utf8')));
  if (!read.success) return [];
  return read.data.spans.map(([open_ms, touch_ms, close_ms]) => ({ open_ms, touch_ms, close_ms }));
}
