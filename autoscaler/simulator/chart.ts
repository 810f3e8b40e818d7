/** Memory of one invocation over time: what is used, and what each strategy holds. Pure. */
import { GIB } from '../../base/units.ts';
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
import { NO_HISTORY } from '../policy/sizing/history.ts';
import { type MemorySeries, peakOf } from '../trace/memory-series.ts';
import { type InstanceModel, playInvocation } from './instance.ts';
import { STRATEGIES } from './strategies.ts';

const WIDTH = 960;
const PANEL = 150;
const GAP = 44;
const LEFT = 56;
const RIGHT = 16;
const TOP = 64;
const BOTTOM = 44;

/** One panel per strategy that needs no history. */
export function renderSizingChart(series: MemorySeries, model: InstanceModel): string {
  const strategies = STRATEGIES.filter(({ needs_history }) => !needs_history);
  const peak_bytes = peakOf(series);
  const most_gib = Math.max(0.25, (peak_bytes / GIB) * 1.25);
  const title = `Simulated memory of one invocation: ${series.name}`;
  const toX = (at_ms: number): number =>
    LEFT + (Math.min(at_ms, series.duration_ms) / series.duration_ms) * (WIDTH - LEFT - RIGHT);
  const parts = [
    label('title', { x: LEFT, y: 20 }, title),
    label('', { x: LEFT, y: 38 }, 'line: held; filled: used'),
  ];
  for (const [index, strategy] of strategies.entries()) {
    const floor = TOP + index * (PANEL + GAP) + PANEL;
    const toY = (bytes: number): number => floor - Math.min(1, bytes / GIB / most_gib) * PANEL;
    const [held, used] = [new StepPath(), new StepPath()];
    const plan = strategy.plan({ series, peak_bytes, history: NO_HISTORY });
    playInvocation(series, plan, model, (at_ms, held_bytes, used_bytes) => {
      held.add(toX(at_ms), toY(held_bytes));
      used.add(toX(at_ms), toY(used_bytes));
    });
    const grid = linearTicks(most_gib, 3).map((gib) => {
      const y = toY(gib * GIB);
      const text = label('end', { x: LEFT - 8, y: y + 4 }, String(gib));
      return line(gib === 0 ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }) + text;
    });
    const name = `${strategy.name}: ${strategy.about}`;
    parts.push(...grid, label('end', { x: LEFT - 8, y: floor - PANEL - 8 }, 'GiB'));
    parts.push(label('title', { x: LEFT, y: floor - PANEL - 8 }, name));
    parts.push(fill(SOFT, used.area(floor)), stroke(SOFT, held.line(), 1.8));
  }
  const bottom = TOP + strategies.length * (PANEL + GAP) - GAP;
  for (const seconds of linearTicks(series.duration_ms / 1000, 8)) {
    parts.push(label('middle', { x: toX(seconds * 1000), y: bottom + 18 }, String(seconds)));
  }
  parts.push(label('middle', { x: WIDTH / 2, y: bottom + 36 }, 'seconds since the start'));
  const body = parts.join('\n');
  return `${svg({ width: WIDTH, height: bottom + BOTTOM, title, body, alone: true })}\n`;
}
