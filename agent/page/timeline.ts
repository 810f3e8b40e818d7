/** Operations of the last minute: when each was, how long it took, and hop by hop. Pure. */
import { escapeText, label, line, logScale, px, svg } from '../../base/chart/svg.ts';
import { formatMs } from '../../base/units.ts';
import type { Operation } from '../model/records.ts';
import { PAGE_LIMITS } from './limits.ts';
import type { PageModel } from './model.ts';
import { HOP_STYLES } from './styles.ts';

const WIDTH = 420;
const LEFT = 52;
const RIGHT = 12;

/** When an operation began: where it was never decided, it was refused before that. */
const beginOf = ({ decided_at_ms, requested_at_ms }: Operation): number | null =>
  decided_at_ms ?? requested_at_ms;

const STAMPS = ['requested', 'accepted', 'plugged', 'resident'] as const;

/** The stamps that it reached, in order of time. */
function hopsOf(operation: Operation): { readonly hop: keyof typeof HOP_STYLES; at_ms: number }[] {
  return STAMPS.flatMap((hop) => {
    const at_ms = operation[`${hop}_at_ms`];
    return at_ms === null ? [] : [{ hop, at_ms }];
  });
}

/** When it was over, as far as its stamps tell. */
function endOf(operation: Operation): number | null {
  const stamps = [...hopsOf(operation).map(({ at_ms }) => at_ms), operation.instance_ready_at_ms];
  const known = stamps.filter((at_ms) => at_ms !== null);
  return known.length > 0 ? Math.max(...known) : beginOf(operation);
}

/** A dot each: along the clock, and upwards by how long it took. */
export function renderTimeline(model: PageModel): string {
  const to_ms = model.at_ms;
  const from_ms = to_ms - PAGE_LIMITS.timeline_ms;
  const dots = model.ended.flatMap((operation) => {
    const begin_ms = beginOf(operation);
    const end_ms = endOf(operation);
    if (begin_ms === null || end_ms === null || end_ms < from_ms) return [];
    return [{ operation, end_ms, took_ms: Math.max(0.01, end_ms - begin_ms) }];
  });
  const title = `operations of the last minute: ${dots.length}`;
  const height = 230;
  const bottom = 200;
  const times = dots.map(({ took_ms }) => took_ms);
  const low = Math.min(1, ...times);
  const high = Math.max(1_000, ...times);
  const { from, to, place } = logScale({ low, high }, bottom, 30);
  const parts = [label('title', { x: 0, y: 14 }, title)];
  for (let power = from; power <= to; power += 1) {
    const y = place(10 ** power);
    parts.push(line(power === from ? 'axis' : 'grid', { x: LEFT, y }, { x: WIDTH - RIGHT, y }));
    parts.push(label('end', { x: LEFT - 5, y: y + 4 }, formatMs(10 ** power)));
  }
  for (const { operation, end_ms, took_ms } of dots) {
    const x = LEFT + ((end_ms - from_ms) / PAGE_LIMITS.timeline_ms) * (WIDTH - LEFT - RIGHT);
    parts.push(dot(operation, Math.min(x, WIDTH - RIGHT), place(took_ms)));
  }
  parts.push(label('', { x: LEFT, y: bottom + 18 }, '60 s ago'));
  parts.push(label('end', { x: WIDTH - RIGHT, y: bottom + 18 }, 'now'));
  return svg({ width: WIDTH, height, title, body: parts.join('') });
}

/** Plugs point up, unplugs down; what was not done is larger, and red. */
function dot(operation: Operation, x: number, y: number): string {
  const is_done = operation.outcome === 'done';
  const size = is_done ? 3 : 4.5;
  const tip = operation.kind === 'plug' ? -size : size;
  const colour = is_done ? (operation.kind === 'plug' ? 'h-plugged' : 'h-resident') : 'bad';
  const d = `M${px(x - size)} ${px(y - tip)}h${px(2 * size)}L${px(x)} ${px(y + tip)}Z`;
  return `<path class="dot ${colour}" d="${d}"><title>${escapeText(toldOf(operation))}</title></path>`;
}

/** The newest operations, each from its decision on, hop by hop. */
export function renderHops(model: PageModel): string {
  const rows = model.ended
    .filter((operation) => beginOf(operation) !== null && hopsOf(operation).length > 0)
    .slice(-PAGE_LIMITS.hop_rows)
    .toReversed();
  const title = `the newest ${rows.length}, hop by hop; ${model.operations.size} under way`;
  const row_height = 17;
  const top = 26;
  const bottom = top + Math.max(1, rows.length) * row_height;
  const left = 150;
  let most_ms = 1;
  for (const one of rows) most_ms = Math.max(most_ms, (endOf(one) ?? 0) - (beginOf(one) ?? 0));
  const scale = (WIDTH - left - 58) / most_ms;
  const parts = [label('title', { x: 0, y: 14 }, title)];
  for (const [index, operation] of rows.entries()) {
    parts.push(hopRow(operation, top + index * row_height, left, scale));
  }
  if (rows.length === 0) parts.push(label('', { x: 0, y: top + 12 }, 'none yet'));
  parts.push(line('axis', { x: left, y: bottom }, { x: WIDTH - 58, y: bottom }));
  parts.push(label('', { x: left, y: bottom + 16 }, 'decided'));
  parts.push(label('end', { x: WIDTH - 58, y: bottom + 16 }, formatMs(most_ms)));
  return svg({ width: WIDTH, height: bottom + 24, title, body: parts.join('') });
}

function hopRow(operation: Operation, y: number, left: number, scale: number): string {
  const begin_ms = beginOf(operation) ?? 0;
  const what = `${operation.kind === 'plug' ? '▲' : '▼'} ${operation.cause ?? operation.kind}`;
  const where = `${operation.vm_id} ${operation.region_id}`;
  const parts = [
    label('', { x: 0, y: y + 12 }, what),
    label('', { x: 58, y: y + 12 }, where.length > 14 ? `${where.slice(0, 13)}…` : where),
  ];
  let from_ms = begin_ms;
  for (const { hop, at_ms } of hopsOf(operation)) {
    const x = left + (from_ms - begin_ms) * scale;
    const width = Math.max(0, (at_ms - from_ms) * scale);
    const text = escapeText(`until ${hop}: ${formatMs(Math.max(0, at_ms - from_ms))}`);
    parts.push(
      `<rect class="area ${HOP_STYLES[hop].class_name}" x="${px(x)}" y="${y + 3}" ` +
        `width="${px(width)}" height="11"><title>${text}</title></rect>`,
    );
    from_ms = Math.max(from_ms, at_ms);
  }
  const took = formatMs((endOf(operation) ?? begin_ms) - begin_ms);
  const outcome = operation.outcome === 'done' ? took : operation.outcome;
  const x = left + (from_ms - begin_ms) * scale + 5;
  const kind = operation.outcome === 'done' ? '' : ' class="bad-text"';
  parts.push(`<text${kind} x="${px(x)}" y="${y + 12}">${escapeText(outcome)}</text>`);
  return parts.join('');
}

function toldOf(operation: Operation): string {
  const { id, kind, cause, vm_id, region_id, outcome, error_code } = operation;
  const took = formatMs((endOf(operation) ?? 0) - (beginOf(operation) ?? 0));
  const why = error_code === null ? '' : `, ${error_code}`;
  return `${id}: ${kind} (${cause ?? 'no cause told'}) of ${region_id} in ${vm_id}, ${outcome} after ${took}${why}`;
}
