/** Memory that follows its use, and named spans, function by function, as HTML. Pure. */
import { escapeText, px } from '../../base/chart/svg.ts';
import { formatMs } from '../../base/units.ts';
import type { LiveElastic, LiveFunction } from '../model/live.ts';
import type { SpansStatus } from '../model/span-messages.ts';
import { keyed, keyedBytes } from './figure.ts';
import { PAGE_LIMITS } from './limits.ts';
import type { PageModel } from './model.ts';
import { functionStyle } from './styles.ts';

/** A function, and what is told of it here. */
type Told<What> = readonly [fn: LiveFunction, what: What];
type Cell = readonly [title: string, cell: string];

const BAR_WIDTH = 90;

/** A table of each of the two; empty where no function has it. Those with the most come first. */
export function elasticTables(model: PageModel, filter: string): string {
  const functions = [...model.functions.values()];
  const elastic = functions.flatMap((fn) => (fn.memory ? [[fn, fn.memory] as const] : []));
  const spans = functions.flatMap((fn) => (fn.spans ? [[fn, fn.spans] as const] : []));
  return (
    table(model, 'Elastic memory', named(elastic, filter), elasticCells) +
    table(model, 'Named spans', named(spans, filter), spanCells)
  );
}

function named<What extends { readonly plugged_bytes: number }>(
  told: readonly Told<What>[],
  filter: string,
): Told<What>[] {
  return told
    .filter(([{ name }]) => name.includes(filter))
    .toSorted(([a, one], [b, two]) => {
      return two.plugged_bytes - one.plugged_bytes || (a.name < b.name ? -1 : 1);
    });
}

function table<What>(
  model: PageModel,
  title: string,
  told: readonly Told<What>[],
  cellsOf: (name: string, what: What) => readonly Cell[],
): string {
  const shown = told.slice(0, PAGE_LIMITS.function_rows);
  const rows = shown.map(([{ name }, what]) => ({ name, cells: cellsOf(name, what) }));
  const [first] = rows;
  if (!first) return '';
  const head = first.cells.map(([name]) => `<th>${name}</th>`).join('');
  const body = rows.map(({ name, cells }) => {
    const colour = functionStyle(model.history.colourOf(name)).class_name;
    const row = cells.map(([, cell]) => `<td>${cell}</td>`).join('');
    return `<tr><td><i class="dot ${colour}"></i>${escapeText(name)}</td>${row}</tr>`;
  });
  const more = told.length - shown.length;
  const note = more > 0 ? `<p class="note">and ${more} more functions: filter by name.</p>` : '';
  return (
    `<h2>${title}</h2><div class="scroll"><table><thead><tr><th>function</th>${head}</tr></thead>` +
    `<tbody>${body.join('')}</tbody></table></div>${note}`
  );
}

function elasticCells(name: string, memory: LiveElastic): readonly Cell[] {
  const { waiting, waits, denied, waited_ms, above_gib_s } = memory;
  const whole = (key: string, value: number): string =>
    keyed(`${key}:${name}`, value, String(value));
  return [
    ['baseline', keyedBytes(`baseline_bytes:${name}`, memory.baseline_bytes)],
    ['now', keyedBytes(`elastic_bytes:${name}`, memory.plugged_bytes)],
    ['max', keyedBytes(`elastic_max_bytes:${name}`, memory.max_bytes)],
    ['of it', renderBar(memory)],
    ['growths / shrinks', `${memory.growths} / ${memory.shrinks}`],
    ['waits', whole('waits', waits)],
    ['now waiting', waiting > 0 ? `<em>${waiting}</em>` : '0'],
    ['denied', denied > 0 ? `<em>${denied}</em>` : '0'],
    ['time waited', formatMs(waited_ms)],
    ['above baseline', gibSeconds(above_gib_s)],
  ];
}

/** What is plugged of the most there can be, with a mark where the baseline is. */
function renderBar({ baseline_bytes, plugged_bytes, max_bytes }: LiveElastic): string {
  const place = (bytes: number): string =>
    px((Math.min(bytes, max_bytes) / Math.max(1, max_bytes)) * BAR_WIDTH);
  return (
    `<svg class="share" width="${BAR_WIDTH}" height="10" role="img" aria-label="now of max">` +
    `<rect class="rest" width="${BAR_WIDTH}" height="10"/>` +
    `<rect class="r-busy" fill="currentColor" width="${place(plugged_bytes)}" height="10"/>` +
    `<path class="mark" d="M${place(baseline_bytes)} 0V10"/></svg>`
  );
}

function spanCells(name: string, spans: SpansStatus): readonly Cell[] {
  const { opened, open, waiting, denied, open_bytes, plugged_bytes, held_gib_s } = spans;
  const why = spans.last_denied_code;
  const last = why === null ? '' : ` (${why})`;
  return [
    ['open', keyed(`spans_open:${name}`, open, String(open))],
    ['asked for', keyedBytes(`spans_open_bytes:${name}`, open_bytes)],
    ['plugged', keyedBytes(`spans_plugged_bytes:${name}`, plugged_bytes)],
    ['now waiting', waiting > 0 ? `<em>${waiting}</em>` : '0'],
    ['opened', keyed(`spans_opened:${name}`, opened, String(opened))],
    ['denied', denied > 0 ? `<em>${denied}</em>${escapeText(last)}` : '0'],
    ['held', gibSeconds(held_gib_s)],
  ];
}

const gibSeconds = (gib_s: number): string => `${gib_s.toFixed(3)} GiB·s`;
