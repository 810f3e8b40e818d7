/**
 * How fast memory comes back while its instance runs on, against an idle region of that size in the
 * same VM, with a neighbour that serves calls back to back meanwhile.
 */
import { emulated, type Work } from '../../agent/model/work.ts';
import type { Clock } from '../../base/clock.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import type { ElasticOptions } from './options.ts';
import type { ElasticApi } from './play.ts';
import type { RecordKeeper } from '../record-keeper.ts';
import type { GiveBackLine, NeighbourCall, Operation } from './records.ts';

/** Each takes about three seconds. */
const GIVE_BACKS = 8;
const SHORT_GIVE_BACKS = 2;
/** How long memory is held before it is let go, and how long its instance runs on then. */
const HELD_MS = 400;
const ON_MS = 1_200;
/** Not every try gives one: somebody else may take a region up again before it is back. */
const MORE_TRIES = 4;
/** A region that is not back by then is not waited for. */
const IDLE_BACK_MS = 10_000;
/** A call of the neighbour: some milliseconds of work. */
const CALL: Work = { anonymous_bytes: MIB, file_bytes: 0, cpu_ms: 4, wall_ms: 0 };

export interface GiveBack {
  readonly lines: readonly GiveBackLine[];
  readonly calls: readonly NeighbourCall[];
}

/** What is measured: a function of that name. */
export interface GiveBackTask {
  readonly name: string;
  readonly options: ElasticOptions;
  readonly clock: Clock;
  /** Hears which try is made. */
  readonly tell: (text: string) => void;
}

interface Call {
  readonly from_ms: number;
  readonly to_ms: number;
  readonly wall_ms: number;
}

export async function measureGiveBack(
  api: ElasticApi,
  recorder: RecordKeeper,
  about: GiveBackTask,
  signal: AbortSignal,
): Promise<GiveBack> {
  const { name, options, clock, tell } = about;
  const before = recorder.operations.length;
  const done = new AbortController();
  const calls: Call[] = [];
  const invoke = async (invocation_id: string, work: Work) =>
    await api.invoke({ function: name, invocation_id, ...emulated(work) }, { signal });
  const neighbour = (async () => {
    while (!done.signal.aborted && !signal.aborted) {
      const { assigned_at_ms, finished_at_ms, guest_wall_ms } = await invoke('neighbour', CALL);
      // One that failed would fail again at once: the calls so far are what there is.
      if (assigned_at_ms === null || finished_at_ms === null || guest_wall_ms === null) return;
      calls.push({ from_ms: assigned_at_ms, to_ms: finished_at_ms, wall_ms: guest_wall_ms });
    }
  })();
  // Told below; unheard while a give-back is awaited it would end the process.
  neighbour.catch(() => undefined);
  try {
    const count = options.short ? SHORT_GIVE_BACKS : GIVE_BACKS;
    for (let tries = 1; tries <= count + MORE_TRIES; tries += 1) {
      tell(`${tries} of ${count}`);
      await invoke(`phase ${tries}`, phaseWork(options));
      const { instance_id } = await invoke(`idle ${tries}`, idleWork(options));
      await stopped(recorder, clock, instance_id);
      if (enough(recorder.operations.slice(before).flatMap(lineOf(options)), count)) break;
    }
  } finally {
    done.abort();
    await neighbour;
  }
  await api.drain(name, { signal });
  const operations = recorder.operations.slice(before);
  return { lines: operations.flatMap(lineOf(options)), calls: calls.map(metBy(operations)) };
}

/** What is plugged when a work holds its memory, and what it then gives back. */
function bigBytes({ limit_bytes, baseline_bytes }: ElasticOptions): number {
  return Math.min(limit_bytes * 0.75, baseline_bytes + 256 * MIB);
}

function phaseWork(options: ElasticOptions): Work {
  const phases = [{ at_ms: HELD_MS, anonymous_bytes: MIB }];
  const wall_ms = HELD_MS + ON_MS;
  return { anonymous_bytes: bigBytes(options), file_bytes: 0, cpu_ms: 0, wall_ms, phases };
}

/** Ends with as much as a phase gives back. */
function idleWork(options: ElasticOptions): Work {
  const anonymous_bytes = bigBytes(options) - options.baseline_bytes;
  return { anonymous_bytes, file_bytes: 0, cpu_ms: 0, wall_ms: HELD_MS };
}

/** The unplug of an instance that is idle by now is on record. */
async function stopped(
  recorder: RecordKeeper,
  clock: Clock,
  instance_id: string | null,
): Promise<void> {
  const over = (one: Operation): boolean => one.cause === 'stop' && one.instance_id === instance_id;
  const found = (): true | null => (recorder.operations.some(over) ? true : null);
  if (instance_id !== null) await waitFor(found, { clock, deadline_ms: IDLE_BACK_MS });
}

/** What was cut short, for its region was wanted, or left too little, is none of them. */
function enough(lines: readonly GiveBackLine[], count: number): boolean {
  const ofPhases = lines.filter(({ what }) => what === 'phase').length;
  return Math.min(ofPhases, lines.length - ofPhases) >= count;
}

/** Shrinks, and unplugs of regions of that size: what is much smaller is another thing. */
function lineOf(options: ElasticOptions): (operation: Operation) => GiveBackLine[] {
  const least_bytes = (bigBytes(options) - options.baseline_bytes) * 0.75;
  return ({ cause, outcome, before_bytes, plugged_bytes, requested_at_ms, resident_at_ms }) => {
    const bytes = before_bytes - plugged_bytes;
    if (outcome !== 'done' || bytes < least_bytes) return [];
    if (requested_at_ms === null || resident_at_ms === null) return [];
    const back_ms = resident_at_ms - requested_at_ms;
    if (cause === 'shrink') return [{ what: 'phase', bytes, back_ms }];
    return cause === 'stop' ? [{ what: 'idle', bytes, back_ms }] : [];
  };
}

function metBy(operations: readonly Operation[]): (call: Call) => NeighbourCall {
  const shrinks = operations.filter(({ cause }) => cause === 'shrink');
  return ({ from_ms, to_ms, wall_ms }) => ({
    met: shrinks.some(
      ({ requested_at_ms, resident_at_ms }) =>
        (requested_at_ms ?? Infinity) < to_ms && (resident_at_ms ?? 0) > from_ms,
    ),
    wall_ms,
  });
}
