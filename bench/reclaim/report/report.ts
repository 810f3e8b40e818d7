/** report.html: one file, no network, no script, the same bytes for the same run. Pure. */
import { renderPage } from '../../../autoscaler/report/charts/page.ts';
import { escapeText } from '../../../base/chart/svg.ts';
import { formatBytes, formatMs, GIB, MIB } from '../../../base/units.ts';
import { BASE_CONDITION, type Condition, REFERENCE } from '../plan/cell.ts';
import type { DotSeries } from './chart.ts';
import { renderDots } from './chart.ts';
import { type Check, verdictText } from '../../check.ts';
import { loadWarning } from './load.ts';
import type { BenchData } from '../results/records.ts';
import { conditionsOf, floorBacking, floorOf, operationsOf, reached } from './select.ts';
import type { BenchSummary } from './summary.ts';
import { checkTable, estimateTexts, figure, headLines, type TextTable, tablesOf } from './table.ts';

const OWN_STYLE = `
.met { color: var(--m-hotmem); } .missed { color: var(--m-virtio-mem); font-weight: 600; }
.unmeasured { color: var(--soft); }
.checks td:nth-child(5), .checks th:nth-child(5) { text-align: left; }
.checks td:nth-child(5) { white-space: normal; color: var(--soft); font-size: 12px; min-width: 200px; }
.checks td { white-space: normal; } h3 { font-size: 15px; margin: 26px 0 4px; }
td, th { font-size: 13px; padding: 4px 8px; } main { max-width: 1280px; }
`;

export function renderReport(data: BenchData, summary: BenchSummary): string {
  const { manifest } = data;
  const main = `<h1>What it takes to get a region's memory back</h1>
${headLines(manifest)
  .map((line) => `<p class="lead">${escapeText(line)}</p>`)
  .join('\n')}
${warnings(summary)}
${cards(summary)}
<h2>Must hold</h2>
${checks(summary.checks)}
<h2>Unplug</h2>
<div class="charts">${charts(data).join('\n')}</div>
<h2>Figures</h2>
<p class="lead">Median [smallest-largest]. Unplug counts from the request to the VMM until it says
that nothing is plugged; "accepted" and "seen by host" split it. The look at the host's memory is in
the latter.</p>
${tablesOf(summary)
  .map((table) => `<h3>${escapeText(table.title)}</h3>${htmlTable(table)}`)
  .join('\n')}
${method(data)}
<footer>Written by hotplane ${escapeText(manifest.versions.hotplane)} from manifest.json and the
.jsonl files beside this page. ${escapeText(manifest.command.join(' '))}</footer>
`;
  return renderPage({ title: 'hotplane bench reclaim', style: OWN_STYLE, main });
}

function warnings(summary: BenchSummary): string {
  const texts: string[] = [];
  const load = loadWarning(summary.load);
  if (load !== null) texts.push(load);
  if (summary.status !== 'complete') texts.push(`This run is marked "${summary.status}".`);
  if (summary.blocks.failed > 0) {
    const { failed } = summary.blocks;
    texts.push(`${failed} block(s) failed; see blocks.jsonl and the consoles beside it.`);
  }
  if (summary.wrong_pages > 0) {
    texts.push(`${summary.wrong_pages} pages did not hold what they must: see instances.jsonl.`);
  }
  for (const [mechanism, count] of Object.entries(summary.start_retries)) {
    texts.push(`${mechanism}: ${count} start(s) of an instance were refused and tried again.`);
  }
  return texts.map((text) => `<p class="warning">${escapeText(text)}</p>`).join('\n');
}

/** The headline per mechanism, at the largest size that was filled and measured. */
function cards(summary: BenchSummary): string {
  const full = summary.conditions
    .filter(({ condition, cells }) => isBase(condition) && cells.some((cell) => cell.plugged_ms))
    .toSorted((a, b) => b.condition.region_bytes - a.condition.region_bytes)[0];
  if (!full) return '';
  const drawn = full.cells.map((one) => {
    const { cell, plugged_ms, times_hotmem, pages_migrated } = one;
    const ratio = cell.mechanism === REFERENCE ? null : times_hotmem;
    const [estimated, estimated_times] = estimateTexts(one);
    const also = ratio && one.hardware_estimate ? ` (hardware, estimated: ${estimated_times})` : '';
    const compared = ratio ? `${figure(ratio.ratio)} times hotmem${also}; ` : '';
    const time = plugged_ms ? formatMs(plugged_ms.median) : 'not measured';
    return `<div class="card m-${escapeText(cell.mechanism)}">
<div class="name">${escapeText(cell.mechanism)}</div><div class="figure">${escapeText(time)}</div>
<div class="note">unplug of ${formatBytes(full.condition.region_bytes)}, guest full</div>${estimateNote(estimated)}
<div class="note">${compared}${figure(pages_migrated?.median ?? 0)} pages migrated</div></div>`;
  });
  const floor = full.floor_ms
    ? `<div class="card m-other"><div class="name">floor</div>
<div class="figure">${escapeText(formatMs(full.floor_ms.median))}</div>
<div class="note">the host alone, ${escapeText(full.floor_backing ?? '')}</div></div>`
    : '';
  return `<div class="cards">${drawn.join('\n')}${floor}</div>`;
}

const estimateNote = (text: string): string =>
  text === '-' ? '' : `\n<div class="note">estimated on hardware: ${escapeText(text)}</div>`;

function checks(list: readonly Check[]): string {
  const { columns, rows } = checkTable(list);
  const body = rows.map((row, index) => {
    const check = list[index];
    const cells = row.map((cell, column) =>
      column === 3 && check ? `<td>${verdict(check)}</td>` : `<td>${escapeText(cell)}</td>`,
    );
    return `<tr>${cells.join('')}</tr>`;
  });
  const head = columns.map((column) => `<th>${escapeText(column)}</th>`).join('');
  return `<div class="scroll"><table class="checks"><thead><tr>${head}</tr></thead>
<tbody>${body.join('\n')}</tbody></table></div>`;
}

function verdict(check: Check): string {
  const names = { met: 'met', missed: 'missed', 'not measured': 'unmeasured' } as const;
  return `<span class="${names[check.verdict]}">${escapeText(verdictText(check))}</span>`;
}

function htmlTable({ columns, rows, note }: TextTable): string {
  const head = columns.map((column) => `<th>${escapeText(column)}</th>`).join('');
  const body = rows.map(
    (row) => `<tr>${row.map((cell) => `<td>${escapeText(cell)}</td>`).join('')}</tr>`,
  );
  const lead = note === '' ? '' : `<p class="lead">${escapeText(note)}</p>`;
  return `${lead}<div class="scroll"><table>
<thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
}

function charts(data: BenchData): string[] {
  const conditions = conditionsOf(data);
  const sizes = conditions
    .filter(isBase)
    .toSorted((a, b) => a.region_bytes - b.region_bytes)
    .map((condition) => ({ condition, name: formatBytes(condition.region_bytes) }));
  const occupancies = conditions
    .filter((one) => one.occupancy_percent !== null)
    .toSorted((a, b) => (a.occupancy_percent ?? 0) - (b.occupancy_percent ?? 0))
    .map((condition) => ({ condition, name: `${condition.occupancy_percent} %` }));
  const others = conditions
    .filter((one) => !isBase(one) && one.occupancy_percent === null)
    .map((condition) => ({ condition, name: difference(condition) }));
  const draw = (title: string, axis: string, over: readonly Category[], kind: Kind) =>
    renderDots({
      title,
      axis,
      categories: over.map(({ name }) => name),
      series: seriesOf(data, over, kind),
    });
  return [
    draw('Unplug, guest full', 'region', sizes, 'unplug'),
    draw('Unplug, nothing else in the guest', 'region', sizes, 'idle-unplug'),
    ...(occupancies.length > 0
      ? [draw('Unplug by occupancy of the rest', 'rest of the guest in use', occupancies, 'unplug')]
      : []),
    ...(others.length > 0
      ? [draw('Unplug under other conditions', 'condition', others, 'unplug')]
      : []),
    draw('Replug', 'region', sizes, 'replug'),
    draw('First plug of a boot', 'region', sizes, 'first-plug'),
  ];
}

type Kind = 'first-plug' | 'unplug' | 'replug' | 'idle-unplug';

interface Category {
  readonly condition: Condition;
  readonly name: string;
}

function seriesOf(data: BenchData, over: readonly Category[], kind: Kind): DotSeries[] {
  const mechanisms = new Set(data.manifest.plan.groups.flatMap((group) => group.mechanisms));
  const series: DotSeries[] = [...mechanisms].map((mechanism) => ({
    name: mechanism,
    values_ms: over.map(({ condition }) =>
      reached(operationsOf(data, { kind, mechanism, condition }), 'plugged_ms'),
    ),
  }));
  if (kind === 'first-plug' || kind === 'replug') return series;
  const floor = over.map(({ condition }) => {
    const backing = floorBacking(data, condition);
    return backing ? floorOf(data, backing, condition.region_bytes) : [];
  });
  return [...series, { name: 'floor', values_ms: floor }];
}

function isBase(condition: Condition): boolean {
  return Object.entries(BASE_CONDITION).every(
    ([field, value]) => new Map<string, unknown>(Object.entries(condition)).get(field) === value,
  );
}

/** `512 MiB, memfd`: only what is not as usual. */
function difference(condition: Condition): string {
  const size = condition.region_bytes;
  return [
    size >= GIB ? `${size / GIB}G` : `${size / MIB}M`,
    ...(condition.init_on_alloc ? ['init'] : []),
    ...(condition.pages === 'huge' ? ['huge'] : []),
    ...(condition.backing === 'memfd' ? ['memfd'] : []),
    ...(condition.neighbour ? ['neighbour'] : []),
  ].join(' ');
}

function method({ manifest, blocks }: BenchData): string {
  const { plan } = manifest;
  const facts: readonly (readonly [string, string])[] = [
    [
      'Blocks',
      `${blocks.length} boots in ${plan.rounds} round(s); mechanisms of one condition follow each ` +
        'other and change their order from round to round. The floor is measured in between.',
    ],
    [
      'Load',
      'All regions are plugged, all instances fill theirs at the same time, 64 pages a turn, so that ' +
        'stock memory interleaves. Then one instance at a time, in a scattered order, is checked and ' +
        'stopped, its region unplugged and plugged again, and a new one fills it.',
    ],
    [
      'Guest CPU',
      'CPU time of all kernel threads by the guest; without a paravirtual clock it includes what the ' +
        'host does for it in an exit, so growth is judged by counted instructions. Requests: interrupts of ' +
        'virtio-mem in the guest, less one for each target the host set.',
    ],
    [
      'Spread',
      `Ratios are of medians, with a 95 % interval from 2,000 resamples (seed ${plan.seed}).`,
    ],
    ['Run', `${manifest.started_at}, ${formatMs(manifest.duration_ms)}`],
  ];
  const list = facts.map(([name, text]) => `<dt>${name}</dt><dd>${escapeText(text)}</dd>`);
  return `<h2>Method</h2><dl>${list.join('\n')}</dl>`;
}
