/** What stood ready over time, on each rung, against what was wanted there. Pure. */
import { csvField } from '../../base/csv.ts';
import {
  fill,
  label,
  line,
  linearTicks,
  SOFT,
  StepPath,
  stroke,
  svg,
} from '../../base/chart/svg.ts';
import { lineStyle } from '../report/charts/palette.ts';
import type { RunFigures } from '../results/simulation.ts';

const WIDTH = 960;
const LEFT = 56;
const RIGHT = 16;
const BETWEEN = 64;
const TOP = 64;
const ROW = 150;
const PLOT = 84;
const BOTTOM = 40;
/** More cannot be told apart, and a picture has an end. */
const RUNS_MAX = 24;

/** What a folder has them as. */
export const RUNGS_FILES = { csv: 'rungs.csv', svg: 'rungs.svg' } as const;

/** Runs of a simulation, or of mechanisms of a live run. */
interface RungRuns {
  readonly simulated: boolean;
  readonly runs: readonly Pick<RunFigures, 'name' | 'ready' | 'window_ms'>[];
}

type Rung = NonNullable<RunFigures['ready']>[number];
type RungParts = NonNullable<Rung['parts']>;

interface Counted {
  readonly name: string;
  readonly part_s: number;
  readonly rungs: readonly (Rung & { readonly parts: RungParts })[];
}

/** Null: nobody counted what stood ready. */
export function renderRungs({ simulated, runs: told }: RungRuns): string | null {
  const all = countedRuns(told);
  const runs = all.slice(0, RUNS_MAX);
  const [first] = runs;
  if (!first) return null;
  const height = TOP + ROW * runs.length + BOTTOM;
  const left_out = all.length > runs.length ? `; the first ${runs.length} of ${all.length}` : '';
  const unit = unitFor(Math.max(...runs.map(({ part_s, rungs }) => part_s * partsOf(rungs))));
  // Of one scale: runs are compared.
  const most = Math.max(0.1, ...runs.map(mostOf));
  const body = [
    label(
      'title',
      { x: LEFT, y: 20 },
      `${simulated ? 'SIMULATED: w' : 'W'}hat stands ready, and what is wanted`,
    ),
    label('', { x: LEFT, y: 38 }, `filled: there, mean of a hundredth; line: wanted${left_out}`),
    ...runs.flatMap((run, row) => panelsOf(run, { top: TOP + ROW * row, most, unit })),
  ];
  const axis = `${unit.name} since the first arrival`;
  body.push(label('middle', { x: WIDTH / 2, y: height - 10 }, axis));
  const title = simulated ? 'What stands ready over simulated time' : 'What stood ready over time';
  return `${svg({ width: WIDTH, height, title, body: body.join('\n'), alone: true })}\n`;
}

/** Of the axis of time. */
interface Unit {
  readonly name: string;
  readonly s: number;
}

/** A live run takes minutes, and a day is played in seconds. */
function unitFor(window_s: number): Unit {
  if (window_s >= 3 * 3_600) return { name: 'hours', s: 3_600 };
  return window_s >= 180 ? { name: 'minutes', s: 60 } : { name: 'seconds', s: 1 };
}

const partsOf = (rungs: Counted['rungs']): number => rungs[0]?.parts.length ?? 0;

function countedRuns(runs: RungRuns['runs']): Counted[] {
  return runs.flatMap(({ name, ready = [], window_ms }) => {
    const rungs = ready.flatMap((rung) => {
      const { parts } = rung;
      return parts && parts.length > 0 ? [{ ...rung, parts }] : [];
    });
    const count = partsOf(rungs);
    return count === 0 ? [] : [{ name, part_s: window_ms / 1_000 / count, rungs }];
  });
}

/** One run: a panel for each rung, side by side. */
function panelsOf(
  { name, part_s, rungs }: Counted,
  { top, ...scale }: Pick<Panel, 'top' | 'most' | 'unit'>,
): string[] {
  const width = (WIDTH - LEFT - RIGHT - BETWEEN * (rungs.length - 1)) / rungs.length;
  const body = [label('title', { x: LEFT, y: top + 12 }, name)];
  for (const [column, rung] of rungs.entries()) {
    const x = LEFT + column * (width + BETWEEN);
    body.push(...panelOf(rung, { part_s, ...scale, x, width, top: top + 36 }));
  }
  return body;
}

function mostOf({ part_s, rungs }: Counted): number {
  let most = 0;
  for (const { parts } of rungs) {
    for (const { idle_gib_s, want_gib } of parts) {
      most = Math.max(most, idle_gib_s / part_s, want_gib ?? 0);
    }
  }
  return most;
}

interface Panel {
  readonly part_s: number;
  readonly most: number;
  readonly unit: Unit;
  readonly x: number;
  readonly width: number;
  readonly top: number;
}

function panelOf(rung: Counted['rungs'][number], panel: Panel): string[] {
  const { part_s, most, unit, x, width, top } = panel;
  const { parts } = rung;
  const floor = top + PLOT;
  const end_s = part_s * parts.length;
  const toX = (s: number): number => x + (s / (end_s || 1)) * width;
  const toY = (gib: number): number => floor - (gib / most) * PLOT;
  const body = [label('', { x, y: top - 8 }, captionOf(rung))];
  for (const gib of linearTicks(most, 3)) {
    const y = toY(gib);
    body.push(line(gib === 0 ? 'axis' : 'grid', { x, y }, { x: x + width, y }));
    body.push(label('end', { x: x - 6, y: y + 4 }, `${gib}`));
  }
  for (const tick of linearTicks(end_s / unit.s, 4)) {
    body.push(label('middle', { x: toX(tick * unit.s), y: floor + 16 }, String(tick)));
  }
  const [there, wanted] = [new StepPath(), new StepPath()];
  for (const [at, { idle_gib_s, want_gib }] of parts.entries()) {
    there.add(toX(at * part_s), toY(idle_gib_s / part_s));
    wanted.add(toX(at * part_s), toY(want_gib ?? 0));
  }
  there.add(toX(end_s), toY((parts.at(-1)?.idle_gib_s ?? 0) / part_s));
  body.push(fill(SOFT, there.area(floor)));
  const is_wanted = parts.some(({ want_gib }) => want_gib !== null);
  if (is_wanted) body.push(stroke(lineStyle(0), wanted.line(), 1.4));
  return body;
}

function captionOf({ rung, asked, hits, idle_gib_s }: Rung): string {
  const share = asked > 0 ? ` (${((100 * hits) / asked).toFixed(1)} %)` : '';
  const who = rung === 'warm' ? 'calls' : 'starts';
  const cost = `${Math.round(idle_gib_s).toLocaleString('en-US')} GiB s`;
  return `${rung}, GiB: ${hits} of ${asked} ${who} found one${share}; ${cost}`;
}

/** What it is made of: a row for each run, rung and part; empty where nobody said. */
export function rungsCsv({ runs }: Pick<RungRuns, 'runs'>): string {
  const rows = countedRuns(runs).flatMap(({ name, part_s, rungs }) =>
    rungs.flatMap(({ rung, parts }) =>
      parts.map(({ asked, hits, idle_gib_s, want_gib }, at) =>
        [
          csvField(name),
          rung,
          (at + 1) * part_s,
          idle_gib_s / part_s,
          want_gib ?? '',
          asked,
          hits,
        ].join(','),
      ),
    ),
  );
  return `${['run,rung,end_s,have_gib,want_gib,asked,hits', ...rows].join('\n')}\n`;
}
