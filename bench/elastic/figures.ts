/** What a run comes to. Pure. */
import { boundsOf } from '../../base/number-list.ts';
import { GIB } from '../../base/units.ts';
import { median, percentileOf, type Ratio, ratioOfMedians } from '../statistics.ts';
import type { ElasticRun, GiveBackLine, MemoryStep, NeighbourCall } from './records.ts';
import type { Operation, PlayLine } from './records.ts';

const MS_PER_S = 1000;
const SEED = 1;

export interface Waits {
  readonly n: number;
  readonly p50_ms: number | null;
  /** Null also below 100 of them. */
  readonly p99_ms: number | null;
  readonly most_ms: number | null;
}

/** The parts of a wait, in their order; `own` is the agent's: heard until sent. */
export const WAIT_PARTS = ['told', 'decided', 'sent', 'accepted', 'plugged', 'own', 'all'] as const;
export type WaitPart = (typeof WAIT_PARTS)[number];

/** All plays of one mechanism. */
export interface MechanismFigures {
  readonly mechanism: string;
  readonly plays: number;
  /** Null where it was not told of every play. */
  readonly plugged_gib_s: number | null;
  /** By the guest where it tells, else by the plan. */
  readonly used_gib_s: number;
  readonly planned_gib_s: number;
  /** Null where nothing is known to have been plugged. */
  readonly unused_share: number | null;
  readonly growths: number;
  readonly shrinks: number;
  readonly failed: number;
  readonly oom_kills: number | null;
  readonly pages_migrated: number | null;
  readonly waits: Readonly<Record<WaitPart, Waits>>;
  /** By the guest kernel's own word, from the fault until it goes on: single ones, and all. */
  readonly guest_waits: Waits;
  readonly guest_mean_ms: number | null;
  /** Operations after which all three observers agree, disagree, or one of them told nothing. */
  readonly agree: number;
  readonly disagree: readonly string[];
  readonly unseen: number;
}

export interface ElasticSummary {
  readonly mechanisms: readonly MechanismFigures[];
  /** Bytes of a finished phase over those of an idle region of that size. */
  readonly give_back: Ratio | null;
  readonly phase_ms: number | null;
  readonly idle_ms: number | null;
  /** A growth with nothing beside the agent: all of it, and without what it waited for a CPU. */
  readonly alone: Waits;
  readonly alone_unstarved: Waits;
  /** A neighbour's call while memory was given back, over one while it was not. */
  readonly neighbour: Ratio | null;
}

export function summarizeElastic(run: ElasticRun): ElasticSummary {
  const by_mechanism = Map.groupBy(run.plays, ({ mechanism }) => mechanism);
  const phase = backMs(run.given_back, 'phase');
  const idle = backMs(run.given_back, 'idle');
  return {
    mechanisms: [...by_mechanism].map(([mechanism, plays]) =>
      figuresOf(
        mechanism,
        plays,
        run.operations.filter((one) => one.mechanism === mechanism),
      ),
    ),
    give_back: ratioOfMedians(phase, idle, SEED),
    phase_ms: median(phase),
    idle_ms: median(idle),
    alone: waitsOf(run.alone.map(({ own_ms }) => own_ms)),
    alone_unstarved: waitsOf(
      run.alone.flatMap(({ own_ms, starved_ms }) =>
        starved_ms === null ? [] : Math.max(0, own_ms - starved_ms),
      ),
    ),
    neighbour: ratioOfMedians(callsMs(run.neighbour, true), callsMs(run.neighbour, false), SEED),
  };
}

/** How long calls took that met memory on its way back, or those that did not. */
export function callsMs(calls: readonly NeighbourCall[], met: boolean): number[] {
  return calls.flatMap((call) => (call.met === met ? call.wall_ms : []));
}

function backMs(lines: readonly GiveBackLine[], what: GiveBackLine['what']): number[] {
  return lines.flatMap((line) => (line.what === what ? line.back_ms : []));
}

function figuresOf(
  mechanism: string,
  plays: readonly PlayLine[],
  operations: readonly Operation[],
): MechanismFigures {
  const sum = (part: (line: PlayLine) => number): number =>
    plays.reduce((total, line) => total + part(line), 0);
  const plugged_gib_s = totalOf(plays.map((line) => line.plugged_gib_s));
  const used_gib_s = sum((line) => line.used_gib_s ?? line.planned_gib_s);
  const grown = operations.filter(({ cause, outcome }) => cause === 'grow' && outcome === 'done');
  const shrunk = operations.filter(
    ({ cause, outcome }) => cause === 'shrink' && outcome === 'done',
  );
  const seen = operations.map(observersOf);
  const waits = operations.reduce((total, { grow_waits }) => total + (grow_waits ?? 0), 0);
  const waited_ms = operations.reduce((total, one) => total + (one.grow_wait_ms ?? 0), 0);
  return {
    mechanism,
    plays: plays.length,
    plugged_gib_s,
    used_gib_s,
    planned_gib_s: sum((line) => line.planned_gib_s),
    unused_share: unusedShare(plugged_gib_s, used_gib_s),
    growths: grown.length,
    shrinks: shrunk.length,
    failed: sum(({ failed }) => failed),
    oom_kills: largest(plays.map(({ oom_kills }) => oom_kills)),
    pages_migrated: largest(plays.map((line) => line.pages_migrated)),
    waits: perPart((part) => waitsOf(grown.flatMap((one) => partMs(one, part) ?? []))),
    guest_waits: waitsOf(
      operations.flatMap(({ grow_waits, grow_wait_ms }) =>
        grow_waits === 1 && grow_wait_ms !== null && grow_wait_ms > 0 ? grow_wait_ms : [],
      ),
    ),
    guest_mean_ms: waits > 0 ? waited_ms / waits : null,
    agree: seen.filter((said) => said === 'agree').length,
    disagree: seen.flatMap((said) => (said === null || said === 'agree' ? [] : [said])),
    unseen: seen.filter((said) => said === null).length,
  };
}

/** What of the plugged memory nobody used; null where none is known to have been plugged. */
export function unusedShare(plugged_gib_s: number | null, used_gib_s: number): number | null {
  return plugged_gib_s === null || plugged_gib_s <= 0 ? null : 1 - used_gib_s / plugged_gib_s;
}

/** Null where one of them is. */
function totalOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length ? null : known.reduce((sum, value) => sum + value, 0);
}

/** Counters since a guest's boot: the last one is the largest. Null where nobody told one. */
function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : boundsOf(known).high;
}

function perPart<T>(valueOf: (part: WaitPart) => T): Record<WaitPart, T> {
  return {
    told: valueOf('told'),
    decided: valueOf('decided'),
    sent: valueOf('sent'),
    accepted: valueOf('accepted'),
    plugged: valueOf('plugged'),
    own: valueOf('own'),
    all: valueOf('all'),
  };
}

const EDGES = {
  told: ['wanted_at_ms', 'heard_at_ms'],
  decided: ['heard_at_ms', 'decided_at_ms'],
  sent: ['decided_at_ms', 'requested_at_ms'],
  accepted: ['requested_at_ms', 'accepted_at_ms'],
  plugged: ['accepted_at_ms', 'plugged_at_ms'],
  own: ['heard_at_ms', 'requested_at_ms'],
  all: ['wanted_at_ms', 'plugged_at_ms'],
} as const satisfies Readonly<Record<WaitPart, readonly [keyof Operation, keyof Operation]>>;

function partMs(operation: Operation, part: WaitPart): number | null {
  const [from, to] = EDGES[part];
  const [from_ms, to_ms] = [operation[from], operation[to]];
  return from_ms === null || to_ms === null ? null : to_ms - from_ms;
}

function waitsOf(values_ms: readonly number[]): Waits {
  return {
    n: values_ms.length,
    p50_ms: median(values_ms),
    p99_ms: percentileOf(values_ms, 0.99),
    most_ms: values_ms.length === 0 ? null : boundsOf(values_ms).high,
  };
}

/** `agree`, what they say where they do not, or null where one of them told nothing. */
function observersOf(operation: Operation): string | null {
  const { id, cause, plugged_bytes, guest_plugged_bytes, resident_bytes, error_code } = operation;
  // Cut short for somebody who waits, it says the most that is plugged.
  if (error_code === 'HP_VMM_ABORTED') return null;
  if (guest_plugged_bytes === null || resident_bytes === null) return null;
  if (guest_plugged_bytes === plugged_bytes && resident_bytes <= plugged_bytes) return 'agree';
  return (
    `${cause} ${id}: VMM ${plugged_bytes}, guest ${guest_plugged_bytes}, ` +
    `host ${resident_bytes} resident`
  );
}

/**
 * GiB·s from `from_ms` to `to_ms` of what `sizeOf` tells of each step, which holds until the next;
 * null where it told nothing of some of that time. Steps are of one VM, by time.
 */
export function gibSeconds(
  steps: readonly MemoryStep[],
  sizeOf: (step: MemoryStep) => number | null,
  window: { readonly from_ms: number; readonly to_ms: number },
): number | null {
  const { from_ms, to_ms } = window;
  if ((steps[0]?.at_ms ?? Infinity) > from_ms) return null;
  let byte_ms = 0;
  for (const [index, step] of steps.entries()) {
    const start_ms = Math.max(from_ms, step.at_ms);
    const end_ms = Math.min(to_ms, steps[index + 1]?.at_ms ?? to_ms);
    if (end_ms <= start_ms) continue;
    const bytes = sizeOf(step);
    if (bytes === null) return null;
    byte_ms += bytes * (end_ms - start_ms);
  }
  return byte_ms / GIB / MS_PER_S;
}
