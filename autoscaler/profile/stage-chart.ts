/** Where the time of a call goes: a bar for each group, its parts the means of its stages. Pure. */
import { label, line, linearTicks, px, svg } from '../../base/chart/svg.ts';
import { printable } from '../../base/printable.ts';
import { lineStyle } from '../report/charts/palette.ts';
import type { ProfileSummary, StageGroup } from './profile-summary.ts';
import { ms, spaced } from './profile-text.ts';
import { CALL_STAGES } from './stages.ts';

const WIDTH = 860;
const LEFT = 220;
const RIGHT = 100;
const HEAD = 40;
const LEGEND = 26;
const BAR = 20;
const ROW = 34;
const BOTTOM = 44;

/** Cold and warm calls have scales of their own: one is often a hundred times the other. */
export function renderStageChart({ test_name, groups }: ProfileSummary): string {
  const parts = [true, false]
    .map((cold) => groups.filter((group) => group.cold === cold))
    .filter((own) => own.length > 0);
  let y = HEAD + LEGEND;
  const body = [
    label('title', { x: 16, y: 22 }, `${printable(test_name)}: mean time of a call, ms`),
  ];
  for (const [index, stage] of CALL_STAGES.entries()) {
    const x = 16 + index * 120;
    body.push(bar(index, x, HEAD, 14, 12), label('', { x: x + 20, y: HEAD + 10 }, spaced(stage)));
  }
  for (const own of parts) {
    body.push(...panel(own, y));
    y += own.length * ROW + BOTTOM;
  }
  const title = 'mean time of a call by stage';
  return `${svg({ width: WIDTH, height: y + 8, title, body: body.join('\n'), alone: true })}\n`;
}

function panel(groups: readonly StageGroup[], top: number): string[] {
  const sums = groups.map((group) => meanOfWhole(group));
  const most = Math.max(...sums, 1e-3);
  const toX = (value: number): number => LEFT + (value / most) * (WIDTH - LEFT - RIGHT);
  const floor = top + groups.length * ROW;
  const body: string[] = [];
  for (const tick of linearTicks(most, 6)) {
    body.push(
      line(tick === 0 ? 'axis' : 'grid', { x: toX(tick), y: top }, { x: toX(tick), y: floor }),
    );
    body.push(label('middle', { x: toX(tick), y: floor + 16 }, String(tick)));
  }
  for (const [row, group] of groups.entries()) {
    const y = top + row * ROW + (ROW - BAR) / 2;
    const name = `${printable(group.instance, 24)} ${group.cold ? 'cold' : 'warm'}`;
    body.push(label('end', { x: LEFT - 8, y: y + 14 }, `${name}, n = ${group.done}`));
    let from = 0;
    for (const [index, stage] of CALL_STAGES.entries()) {
      const mean = group.mean_ms[stage] ?? 0;
      if (mean > 0) body.push(bar(index, toX(from), y, toX(from + mean) - toX(from), BAR));
      from += mean;
    }
    body.push(label('', { x: toX(from) + 6, y: y + 14 }, ms(from)));
  }
  return body;
}

const meanOfWhole = ({ mean_ms }: StageGroup): number =>
  CALL_STAGES.reduce((sum, stage) => sum + (mean_ms[stage] ?? 0), 0);

function bar(index: number, x: number, y: number, width: number, height: number): string {
  const { class_name, light } = lineStyle(index);
  return (
    `<rect class="area ${class_name}" fill="${light}" x="${px(x)}" y="${px(y)}" ` +
    `width="${px(Math.max(0.2, width))}" height="${height}"/>`
  );
}
