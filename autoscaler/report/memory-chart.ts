/** Memory over time: one panel per mechanism, all with the same axes. Pure. */
import { GIB } from '../../base/units.ts';
import type { ResultData } from '../results/reader.ts';
import type { InvocationLine } from '../results/schema.ts';
import { totalSteps, type TotalPoint } from './integral.ts';
import { CHART_STYLE, styleOf } from './palette.ts';
import { linesOf } from './summary.ts';
import { escapeText, label, line, linearTicks, stepArea, stepPath, svg } from './svg.ts';
import type { Point } from './svg.ts';

const WIDTH = 960;
const LEFT = 56;
const RIGHT = 16;
const PANEL = 150;
const PANEL_GAP = 40;
const LOAD_PANEL = 64;
const TOP = 76;
const BOTTOM = 44;
const TITLE = 'Host memory over time, sum of all function VMs';

type Field = 'committed_bytes' | 'plugged_bytes' | 'resident_bytes';

interface Frame {
  readonly window_ms: number;
  readonly most_gib: number;
}

/** For the page, which has the style already. */
export function renderMemoryChart(data: ResultData): string {
  return draw(data);
}

/** A file of its own. */
export function renderMemorySvg(data: ResultData): string {
  return `${draw(data, CHART_STYLE)}\n`;
}

function draw(data: ResultData, style?: string): string {
  const { window_ms } = data.manifest.window;
  const panels = data.manifest.mechanisms
    .filter((run) => run.status !== 'waiting')
    .map((run) => ({
      mechanism: run.name,
      end_ms: Math.min(window_ms, run.observed_ms),
      total: totalSteps(linesOf(data, run.name).steps),
    }));
  const most_bytes = Math.max(
    1,
    ...panels.flatMap(({ total, end_ms }) =>
      total
        .filter((point) => point.at_ms <= end_ms)
        .map((p) => Math.max(p.committed_bytes, p.plugged_bytes, p.resident_bytes)),
    ),
  );
  const frame: Frame = { window_ms, most_gib: (most_bytes / GIB) * 1.04 };
  const parts = [label('title', { x: LEFT, y: 20 }, TITLE), legend()];
  let y = TOP;
  for (const panel of panels) {
    parts.push(drawPanel(panel.mechanism, panel.total, panel.end_ms, y, frame));
    y += PANEL + PANEL_GAP;
  }
  parts.push(drawLoad(plannedLoad(data), y, frame));
  const bottom = y + LOAD_PANEL;
  parts.push(drawTimeAxis(bottom, frame));
  const height = bottom + BOTTOM;
  return svg({
    width: WIDTH,
    height,
    title: TITLE,
    body: parts.join('\n'),
    ...(style === undefined ? {} : { style }),
  });
}

function legend(): string {
  const y = 42;
  const entries: readonly (readonly [string, string])[] = [
    ['committed', '<path class="line thin" stroke-dasharray="5 3" d="M0 0h26"/>'],
    ['plugged', '<path class="line" d="M0 0h26"/>'],
    ['resident on the host', '<path class="area" d="M0 -5h26v10h-26z"/>'],
  ];
  return entries
    .map(([text, mark], index) => {
      const x = LEFT + index * 120;
      return `<g class="soft" transform="translate(${x} ${y - 4})">${mark}</g>${label('', { x: x + 32, y }, text)}`;
    })
    .join('');
}

function drawPanel(
  mechanism: string,
  total: readonly TotalPoint[],
  end_ms: number,
  top: number,
  frame: Frame,
): string {
  const floor = top + PANEL;
  const toY = (bytes: number): number => floor - (bytes / GIB / frame.most_gib) * PANEL;
  const points = (field: Field): Point[] => {
    const visible = clip(total, end_ms);
    return visible.map((point) => ({ x: toX(point.at_ms, frame), y: toY(point[field]) }));
  };
  const ticks = linearTicks(frame.most_gib, 4);
  const grid = ticks.map((gib) => {
    const y = toY(gib * GIB);
    const text = label('end', { x: LEFT - 8, y: y + 4 }, String(gib));
    return line(gib === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }) + text;
  });
  const name = label('title', { x: LEFT, y: top - 8 }, mechanism);
  const unit = label('end', { x: LEFT - 8, y: top - 8 }, 'GiB');
  return (
    `<g class="${styleOf(mechanism).class_name}">${grid.join('')}${unit}${name}` +
    `<path class="area" d="${stepArea(points('resident_bytes'), floor)}"/>` +
    `<path class="line thin" stroke-dasharray="5 3" d="${stepPath(points('committed_bytes'))}"/>` +
    `<path class="line" d="${stepPath(points('plugged_bytes'))}"/></g>`
  );
}

/** The part within [0, end_ms], with the value carried in and held to the end. */
function clip(total: readonly TotalPoint[], end_ms: number): TotalPoint[] {
  const inside = total.filter((point) => point.at_ms > 0 && point.at_ms < end_ms);
  const before = total.findLast((point) => point.at_ms <= 0);
  const points = before ? [{ ...before, at_ms: 0 }, ...inside] : inside;
  const last = points.at(-1);
  return last ? [...points, { ...last, at_ms: end_ms }] : [];
}

/** Invocations that the plan has running: the load every mechanism was given. */
export function plannedLoad(data: ResultData): Point[] {
  const first = data.manifest.mechanisms[0]?.name ?? '';
  const changes = linesOf(data, first).invocations.flatMap((one: InvocationLine) => [
    { at_ms: one.planned_at_ms, by: 1 },
    { at_ms: one.planned_at_ms + one.planned_duration_ms, by: -1 },
  ]);
  const points: Point[] = [{ x: 0, y: 0 }];
  let running = 0;
  for (const change of changes.toSorted((a, b) => a.at_ms - b.at_ms || b.by - a.by)) {
    running += change.by;
    points.push({ x: change.at_ms, y: running });
  }
  return points;
}

function drawLoad(load: readonly Point[], top: number, frame: Frame): string {
  const floor = top + LOAD_PANEL;
  const most = Math.max(1, ...load.map((point) => point.y));
  const toY = (running: number): number => floor - (running / most) * (LOAD_PANEL - 6);
  const points = load.map((point) => ({ x: toX(point.x, frame), y: toY(point.y) }));
  points.push({ x: toX(frame.window_ms, frame), y: floor });
  return (
    `<g class="soft">${label('title', { x: LEFT, y: top - 8 }, 'load: invocations running as planned')}` +
    line('axis', { x: LEFT, y: floor }, { x: WIDTH - RIGHT, y: floor }) +
    label('end', { x: LEFT - 8, y: toY(most) + 4 }, String(most)) +
    label('end', { x: LEFT - 8, y: floor + 4 }, '0') +
    `<path class="area" d="${stepArea(points, floor)}"/></g>`
  );
}

function drawTimeAxis(y: number, frame: Frame): string {
  const ticks = linearTicks(frame.window_ms / 1000, 8).map((seconds) => {
    const x = toX(seconds * 1000, frame);
    return (
      line('axis', { x, y }, { x, y: y + 5 }) + label('middle', { x, y: y + 18 }, String(seconds))
    );
  });
  const title = 'seconds since the first arrival (the measured window)';
  return `${ticks.join('')}${label('middle', { x: (LEFT + WIDTH - RIGHT) / 2, y: y + 36 }, escapeText(title))}`;
}

function toX(at_ms: number, frame: Frame): number {
  return LEFT + (at_ms / frame.window_ms) * (WIDTH - LEFT - RIGHT);
}
