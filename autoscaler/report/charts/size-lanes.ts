/** What ran while sizes changed: a lane for each instance, its invocations and its spans. Pure. */
import { escapeText, label, px, SOFT } from '../../../base/chart/svg.ts';
import type { LineStyle } from '../../../base/chart/colours.ts';
import { formatBytes } from '../../../base/units.ts';
import type { ChangedVm, SpanStretch, Stretch } from '../size-tally.ts';
import type { MechanismStyle } from './palette.ts';

const LANES_MAX = 8;
const LANE = 30;
const RUN: Bar = { height: 8, opacity: 0.7 };
const SPAN: Bar = { height: 14, opacity: 0.28 };
/** A span whose bar has room for it has its name in it. */
const LETTER = 6.5;

interface Bar {
  readonly height: number;
  readonly opacity: number;
}

export interface Lanes {
  readonly body: string;
  readonly height: number;
}

export interface LanesFrame {
  readonly from_ms: number;
  readonly to_ms: number;
  /** Of the plot above. */
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly style: MechanismStyle;
}

/** Below a chart with the same times; of many instances the first ones. Nothing: nothing ran. */
export function sizeLanes(vm: ChangedVm, frame: LanesFrame): Lanes {
  const { from_ms, to_ms, left, top, style } = frame;
  const isShown = (one: Stretch): boolean => one.from_ms < to_ms && !(one.to_ms <= from_ms);
  const runs = vm.invocations.filter(isShown);
  const spans = vm.spans.filter(isShown);
  const names = [...new Set([...runs, ...spans].map(({ instance_id }) => instance_id))];
  if (names.length === 0) return { body: '', height: 0 };
  const shown = names.slice(0, LANES_MAX);
  const parts = [label('', { x: left, y: top + 12 }, titleOf(vm, names.length))];
  for (const [index, name] of shown.entries()) {
    const y = top + 22 + index * LANE;
    const isOf = (one: Stretch): boolean => one.instance_id === name;
    parts.push(label('end', { x: left - 8, y: y + 8 }, name.slice(0, 7)));
    for (const run of runs.filter(isOf)) parts.push(bar(style, run, { ...frame, ...RUN, y }));
    for (const span of spans.filter(isOf))
      parts.push(spanBar(span, { ...frame, y: y + RUN.height + 2 }));
  }
  return { body: parts.join('\n'), height: 22 + shown.length * LANE + 8 };
}

function titleOf({ opened }: ChangedVm, instances: number): string {
  const more = instances > LANES_MAX ? `, ${LANES_MAX} of ${instances} instances` : '';
  return opened > 0
    ? `invocations, and below them the named spans that they had open${more}`
    : `invocations${more}`;
}

type Row = LanesFrame & { readonly y: number };

function extentOf({ from_ms, to_ms }: Stretch, frame: Row): { x: number; width: number } {
  const scale = (frame.right - frame.left) / Math.max(1, frame.to_ms - frame.from_ms);
  const place = (ms: number): number =>
    frame.left + (Math.min(Math.max(ms, frame.from_ms), frame.to_ms) - frame.from_ms) * scale;
  const x = place(from_ms);
  return { x, width: Math.max(1, place(Number.isNaN(to_ms) ? frame.to_ms : to_ms) - x) };
}

function bar({ class_name, light }: LineStyle, one: Stretch, row: Row & Bar): string {
  const { x, width } = extentOf(one, row);
  return (
    `<rect class="area ${class_name}" fill="${light}" fill-opacity="${row.opacity}" ` +
    `x="${px(x)}" y="${px(row.y)}" width="${px(width)}" height="${row.height}"/>`
  );
}

function spanBar(one: SpanStretch, row: Row): string {
  const { x, width } = extentOf(one, row);
  const text = `${one.span} ${formatBytes(one.bytes)}`;
  const has_room = width > text.length * LETTER + 8;
  const name = has_room ? label('', { x: x + 4, y: row.y + SPAN.height - 3 }, text) : '';
  return `<g><title>${escapeText(text)}</title>${bar(SOFT, one, { ...row, ...SPAN })}${name}</g>`;
}
