/** What a run comes to. Pure. */
import type { GuestPages } from '../../agent/model/pool-messages.ts';
import { type Ratio, ratioOfMedians, type Spread, spreadOf } from '../statistics.ts';
import type { AgentPages, MementoRun, TrialLine } from './records.ts';
import { type StartKind, STARTS } from './subjects.ts';

const SEED = 1;

/** One function in one arm, over all rounds. */
export interface MementoFigures {
  readonly function: string;
  readonly start: StartKind;
  readonly arm: string;
  readonly first_byte_ms: Spread | null;
  readonly call_ms: Spread | null;
  /** Over those of the same function without any of it; null for that. */
  readonly first_byte_over_off: Ratio | null;
  readonly call_over_off: Ratio | null;
  /** Median, of those that told. */
  readonly minor_faults: number | null;
}

export interface MementoSummary {
  readonly figures: readonly MementoFigures[];
  /** Of all guests; null: one does not count, or there is none. */
  readonly cleared_twice: number | null;
  readonly failed: number;
  readonly reason: string | null;
}

export function summarizeMemento({ lines, pages }: MementoRun): MementoSummary {
  const good = lines.filter(({ reason }) => reason === null);
  return {
    figures: groupsOf(lines).map((group) => figuresOf(group, good)),
    cleared_twice: sumOf(pages, ({ cleared_twice }) => cleared_twice),
    failed: lines.length - good.length,
    reason: lines.find(({ reason }) => reason !== null)?.reason ?? null,
  };
}

type Group = Pick<TrialLine, 'function' | 'start' | 'arm'>;

/** Functions in the order of the run, starts by their order, arms as they come. */
function groupsOf(lines: readonly TrialLine[]): Group[] {
  const names = unique(lines.map((line) => line.function));
  const arms = unique(lines.map(({ arm }) => arm));
  return names.flatMap((name) =>
    STARTS.flatMap((start) =>
      arms
        .filter((arm) => lines.some((line) => line.function === name && line.arm === arm))
        .map((arm) => ({ function: name, start, arm })),
    ),
  );
}

const first = ({ first_byte_ms }: TrialLine): number | null => first_byte_ms;
const call = ({ call_ms }: TrialLine): number | null => call_ms;

function figuresOf(group: Group, lines: readonly TrialLine[]): MementoFigures {
  const of = (arm: string, pick: (line: TrialLine) => number | null): number[] =>
    lines
      .filter((one) => one.function === group.function && one.start === group.start)
      .flatMap((one) => (one.arm === arm ? (pick(one) ?? []) : []));
  const over = (pick: (line: TrialLine) => number | null): Ratio | null =>
    group.arm === 'off' ? null : ratioOfMedians(of(group.arm, pick), of('off', pick), SEED);
  const faults = of(group.arm, ({ minor_faults }) => minor_faults);
  return {
    ...group,
    first_byte_ms: spreadOf(of(group.arm, first)),
    call_ms: spreadOf(of(group.arm, call)),
    first_byte_over_off: over(first),
    call_over_off: over(call),
    minor_faults: spreadOf(faults)?.median ?? null,
  };
}

/** Null as soon as one does not count, and of none. */
function sumOf(all: readonly AgentPages[], pick: (pages: GuestPages) => number): number | null {
  return all.reduce<number | null>(
    (sum, { pages }) => (sum === null || pages === null ? null : sum + pick(pages)),
    all.length > 0 ? 0 : null,
  );
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];
