/** Memory over time: one panel per mechanism, all with the same axes. Pure. */
import { GIB } from '../../../base/units.ts';
import { forEachTotal, type TotalPoint } from '../integral.ts';
import { styleOf } from './palette.ts';
import type { PlannedWork } from '../planned-work.ts';
import type { MechanismTally, RunTally } from '../run-tally.ts';
import { planOf } from '../summary.ts';
import {
  fill,
  label,
  line,
  linearTicks,
  SOFT,
  StepPath,
  stroke,
  svg,
} from '../../../base/chart/svg.ts';

const WIDTH = 960;
const LEFT = 56;
const RIGHT = 16;
const PANEL = 150;
const PANEL_GAP = 40;
const LOAD_PANEL = 64;
const TOP = 76;
const BOTTOM = 44;
const TITLE = 'Host memory over time, sum of all function VMs';
const DASH = '5 3';

const FIELDS = ['committed_bytes', 'plugged_bytes', 'resident_bytes'] as const;

interface Frame {
  /** Below 0: the warm-up, which is shown and not measured. */
  readonly from_ms: number;
  readonly window_ms: number;
  readonly most_gib: number;
}

/** `alone`: a file of its own. The same marks either way. */
export function renderMemoryChart(tally: RunTally, alone = false): string {
  const { window } = tally.manifest;
  const shown = { from_ms: -(window.warm_up?.ms ?? 0), window_ms: Math.max(1, window.window_ms) };
  let most_bytes = 1;
  for (const one of tally.mechanisms) {
    forEachShown(one, shown, (point) => {
      most_bytes = Math.max(
        most_bytes,
        point.committed_bytes,
        point.plugged_bytes,
        point.resident_bytes,
      );
    });
  }
  const frame: Frame = { ...shown, most_gib: (most_bytes / GIB) * 1.04 };
  const parts = [label('title', { x: LEFT, y: 20 }, TITLE), legend()];
  let y = TOP;
  for (const one of tally.mechanisms) {
    parts.push(drawPanel(one, y, frame));
    y += PANEL + PANEL_GAP;
  }
  const plan = planOf(tally)?.invocations.plan;
  if (plan) parts.push(drawLoad(plan, y, frame));
  const bottom = y + LOAD_PANEL;
  parts.push(drawTimeAxis(bottom, frame));
  if (frame.from_ms < 0) parts.push(drawBorder(bottom, frame));
  const body = parts.join('\n');
  return svg({ width: WIDTH, height: bottom + BOTTOM, title: TITLE, body, alone });
}

export function renderMemorySvg(tally: RunTally): string {
  return `${renderMemoryChart(tally, true)}\n`;
}

function legend(): string {
  const y = 38;
  const entries: readonly (readonly [string, (x: number) => string])[] = [
    ['committed', (x) => stroke(SOFT, `M${x} ${y}h26`, 1.2, DASH)],
    ['plugged', (x) => stroke(SOFT, `M${x} ${y}h26`, 1.8)],
    ['resident on the host', (x) => fill(SOFT, `M${x} ${y - 5}h26v10h-26z`)],
  ];
  return entries
    .map(([text, mark], index) => {
      const x = LEFT + index * 120;
      return mark(x) + label('', { x: x + 32, y: y + 4 }, text);
    })
    .join('');
}

function drawPanel(tally: MechanismTally, top: number, frame: Frame): string {
  const floor = top + PANEL;
  const toY = (bytes: number): number => floor - (bytes / GIB / frame.most_gib) * PANEL;
  const paths = {
    committed_bytes: new StepPath(),
    plugged_bytes: new StepPath(),
    resident_bytes: new StepPath(),
  };
  forEachShown(tally, frame, (point) => {
    const x = toX(point.at_ms, frame);
    for (const field of FIELDS) paths[field].add(x, toY(point[field]));
  });
  const grid = linearTicks(frame.most_gib, 4).map((gib) => {
    const y = toY(gib * GIB);
    const text = label('end', { x: LEFT - 8, y: y + 4 }, String(gib));
    return line(gib === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }) + text;
  });
  const style = styleOf(tally.run.name);
  return (
    `${grid.join('')}${label('end', { x: LEFT - 8, y: top - 8 }, 'GiB')}` +
    label('title', { x: LEFT, y: top - 8 }, tally.run.name) +
    fill(style, paths.resident_bytes.area(floor)) +
    stroke(style, paths.committed_bytes.line(), 1.2, DASH) +
    stroke(style, paths.plugged_bytes.line(), 1.8, '')
  );
}

/** The part of what is shown that was observed, with the value carried in and held to the end. */
function forEachShown(
  { steps, run }: MechanismTally,
  { from_ms, window_ms }: Pick<Frame, 'from_ms' | 'window_ms'>,
  visit: (point: TotalPoint) => void,
): void {
  const end_ms = Math.min(window_ms, run.observed_ms);
  let last: TotalPoint | null = null;
  let shown = false;
  forEachTotal(steps, (point) => {
    if (point.at_ms > from_ms && point.at_ms < end_ms) {
      if (!shown && last) visit({ ...last, at_ms: from_ms });
      shown = true;
      visit(point);
    }
    if (point.at_ms < end_ms) last = point;
  });
  const held = last as TotalPoint | null;
  if (!held) return;
  if (!shown) visit({ ...held, at_ms: from_ms });
  visit({ ...held, at_ms: end_ms });
}

/** Invocations that the plan has running: the load every mechanism was given. */
function drawLoad(plan: PlannedWork, top: number, frame: Frame): string {
  const floor = top + LOAD_PANEL;
  let most = 1;
  plan.forEachRunning((_, running) => {
    most = Math.max(most, running);
  });
  const toY = (running: number): number => floor - (running / most) * (LOAD_PANEL - 6);
  const path = new StepPath();
  path.add(toX(frame.from_ms, frame), floor);
  plan.forEachRunning((at_ms, running) => {
    if (at_ms <= frame.window_ms) path.add(toX(at_ms, frame), toY(running));
  });
  path.add(toX(frame.window_ms, frame), floor);
  return (
    label('title', { x: LEFT, y: top - 8 }, 'load: invocations running as planned') +
    line('axis', { x: LEFT, y: floor }, { x: WIDTH - RIGHT, y: floor }) +
    label('end', { x: LEFT - 8, y: toY(most) + 4 }, String(most)) +
    label('end', { x: LEFT - 8, y: floor + 4 }, '0') +
    fill(SOFT, path.area(floor))
  );
}

/** Where the warm-up ends and the measuring begins. */
function drawBorder(bottom: number, frame: Frame): string {
  const x = toX(0, frame);
  const text = label('middle', { x, y: TOP - 22 }, 'warm-up | measured');
  return line('axis', { x, y: TOP - 16 }, { x, y: bottom }) + text;
}

function drawTimeAxis(y: number, frame: Frame): string {
  const ticks = linearTicks(frame.window_ms / 1000, 8).map((seconds) => {
    const x = toX(seconds * 1000, frame);
    return (
      line('axis', { x, y }, { x, y: y + 5 }) + label('middle', { x, y: y + 18 }, String(seconds))
    );
  });
  const since = frame.from_ms < 0 ? 'the end of the warm-up' : 'the first arrival';
  const title = `seconds since ${since} (the measured window)`;
  return `${ticks.join('')}${label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: y + 36 }, title)}`;
}

function toX(at_ms: number, frame: Frame): number {
  const share = (at_ms - frame.from_ms) / (frame.window_ms - frame.from_ms);
  return LEFT + share * (WIDTH - LEFT - RIGHT);
}
