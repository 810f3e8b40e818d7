/** report.html: one file, no network, no script, the same bytes for the same inputs. Pure. */
import type { Sample } from '../../base/statistics.ts';
import { formatMs } from '../../base/units.ts';
import { renderEcdf, type EcdfSeries } from './charts/ecdf-chart.ts';
import { percent } from './figures.ts';
import { renderMemoryChart } from './charts/memory-chart.ts';
import { renderSizeCharts } from './charts/size-chart.ts';
import { leadText, methodSection, qualitySection } from './method.ts';
import { baselineNote, footnotes, SIMULATED_NOTE } from './notes.ts';
import { renderPage } from './charts/page.ts';
import { styleOf } from './charts/palette.ts';
import type { MechanismTally, RunTally } from './run-tally.ts';
import type { MechanismSummary, Summary } from './summary.ts';
import { escapeText } from '../../base/chart/svg.ts';
import { comparison } from './table.ts';

export function renderHtml(tally: RunTally, summary: Summary): string {
  const { manifest } = tally;
  const title = `hotplane ${manifest.kind}: ${summary.mechanisms.map((one) => one.mechanism).join(', ')}`;
  const main = `<h1>What memory costs, by how it comes back</h1>
<p class="lead">${escapeText(`${leadText(manifest)} ${baselineNote(summary)}`)}</p>
${warnings(summary)}
${cards(summary)}
<h2>Memory over time</h2>
<div class="scroll wide">${renderMemoryChart(tally)}</div>
${sizes(tally)}<h2>Comparison</h2>
${table(summary)}
<ul class="notes">
${footnotes(summary)
  .map((note) => `<li>${escapeText(note)}</li>`)
  .join('\n')}
</ul>
<h2>Plug and unplug</h2>
<div class="charts">${operationCharts(tally)}</div>
<h2>Invocations</h2>
<div class="charts">${invocationCharts(tally)}</div>
${methodSection(manifest)}
${qualitySection(manifest, summary)}
<footer>Written by hotplane ${escapeText(manifest.versions.hotplane)} from manifest.json,
operations.jsonl, invocations.jsonl, memory.jsonl and load.jsonl; <code>hotplane report</code> gives the same
bytes again.</footer>
`;
  return renderPage({ title, main });
}

/** Where sizes follow use; nothing where they do not. */
function sizes(tally: RunTally): string {
  const charts = renderSizeCharts(tally);
  if (charts.length === 0) return '';
  return `<h2>Memory inside invocations</h2>
${charts.map((chart) => `<div class="scroll wide">${chart}</div>`).join('\n')}
`;
}

function warnings(summary: Summary): string {
  const texts: string[] = summary.simulated ? [SIMULATED_NOTE] : [];
  if (summary.status !== 'complete') {
    texts.push(`This run is marked "${summary.status}": the figures cover what was seen.`);
  }
  for (const one of summary.mechanisms) {
    if (one.error !== null) texts.push(`${one.mechanism}: ${one.error}`);
    const reasons = one.not_compared.map(({ text }) => text);
    if (reasons.length > 0) texts.push(`${one.mechanism} is not compared: ${reasons.join('; ')}.`);
    if (one.marks.includes('saturated')) {
      texts.push(`${one.mechanism} is saturated: its own work filled the host; see the notes.`);
    }
    if (one.final_agreement.agree === false) {
      const list = one.final_agreement.disagreements.slice(0, 5).join('; ');
      texts.push(`${one.mechanism}: VMM, guest and host disagree at the end: ${list}`);
    }
    if (one.status === 'complete' && !one.drained) {
      texts.push(`${one.mechanism}: not every region was unplugged by the deadline.`);
    }
  }
  return texts.map((text) => `<p class="warning">${escapeText(text)}</p>`).join('\n');
}

/** The headline: what each mechanism held of the host. What is not compared has no bar. */
function cards(summary: Summary): string {
  const shown = summary.mechanisms.filter((one) => one.not_compared.length === 0);
  const most = shown.reduce((high, one) => Math.max(high, one.memory_gib_s.resident ?? 0), 1e-9);
  const drawn = summary.mechanisms.map((one) => {
    const { class_name } = styleOf(one.mechanism);
    const gib_s = one.memory_gib_s.resident;
    const share = ((gib_s ?? 0) / most) * 100;
    const compared_at_all = one.not_compared.length === 0;
    const bar = compared_at_all ? `<i style="width:${share.toFixed(1)}%"></i>` : '';
    return `<div class="card ${class_name}${compared_at_all ? '' : ' uncompared'}">
<div class="name">${escapeText(one.mechanism)}</div>
<div class="figure">${gib_s === null ? 'not known' : `${gib_s.toFixed(1)} GiB·s`}</div>
<div class="note">resident on the host${escapeText(compared(one, summary))}</div>
<div class="bar ${class_name}">${bar}</div>
<div class="note">${escapeText(eachNote(one))}</div>
<div class="note">${escapeText(unplugNote(one))}</div>
</div>`;
  });
  return `<div class="cards">${drawn.join('\n')}</div>`;
}

function compared(one: MechanismSummary, summary: Summary): string {
  if (one.not_compared.length > 0) return '; not compared, see above';
  if (one.mechanism === summary.baseline) return ', the baseline';
  const { resident } = one.saving;
  return resident === null ? '' : `, ${percent(-resident, true)} against ${summary.baseline}`;
}

/** At equal work: one that serves little holds little. */
function eachNote({ invocations, memory_gib_s_per_in_time: each }: MechanismSummary): string {
  const served = `${invocations.in_time} of ${invocations.planned} invocations served in time`;
  return each.resident === null ? served : `${served}, ${each.resident.toPrecision(3)} GiB·s each`;
}

function unplugNote(one: MechanismSummary): string {
  const { resident } = one.operations.unplug;
  if (resident.n === 0) return 'no unplugs';
  const p50 = resident.p50_ms === null ? 'not reached' : formatMs(resident.p50_ms);
  const pages = one.pages_migrated.whole_run ?? one.pages_migrated.in_operations ?? 'unknown';
  return `unplug until the host has it back: median ${p50}, n = ${resident.n}; ${pages} pages migrated`;
}

function table(summary: Summary): string {
  const names = summary.mechanisms.map((one) => `<th>${escapeText(one.mechanism)}</th>`);
  const body = comparison(summary).map((group) => {
    const head = `<tr><th colspan="${names.length + 1}">${escapeText(group.title)}</th></tr>`;
    const rows = group.rows.map((row) => {
      const name = row.label.startsWith(' ') ? '<td class="indent">' : '<td>';
      const cells = row.cells.map((cell) => `<td>${tableCell(cell)}</td>`).join('');
      return `<tr>${name}${escapeText(row.label.trim())}</td>${cells}</tr>`;
    });
    return `<tbody>${head}${rows.join('')}</tbody>`;
  });
  return (
    `<div class="scroll"><table><thead><tr><th></th>${names.join('')}</tr></thead>` +
    `${body.join('\n')}</table></div>`
  );
}

/** A figure, and below it what stands behind it: range, percentiles, n. */
function tableCell(cell: string): string {
  const range = cell.indexOf(' [');
  const behind = range < 0 ? cell.indexOf(', n = ') : range;
  if (behind < 0) return escapeText(cell);
  const rest = cell.slice(behind).replace(/^,? /, '');
  return `${escapeText(cell.slice(0, behind))}<small>${escapeText(rest)}</small>`;
}

function operationCharts(tally: RunTally): string {
  return [
    renderEcdf({
      title: 'Plug: until plugged = requested',
      axis: 'time since the request to the VMM (log scale)',
      series: seriesOf(tally, (one) => one.operations.plug.plugged),
    }),
    renderEcdf({
      title: 'Unplug: until the host has the memory back',
      axis: 'time since the request to the VMM (log scale)',
      series: seriesOf(tally, (one) => one.operations.unplug.resident),
    }),
  ]
    .map(scroll)
    .join('\n');
}

function invocationCharts(tally: RunTally): string {
  return [
    renderEcdf({
      title: 'All invocations: received until finished',
      axis: 'latency (log scale)',
      series: seriesOf(tally, (one) => one.invocations.latency),
    }),
    renderEcdf({
      title: 'Those that waited: received until an instance was ready',
      axis: 'wait (log scale)',
      series: seriesOf(tally, (one) => one.invocations.waits.wait),
    }),
  ]
    .map(scroll)
    .join('\n');
}

function seriesOf(tally: RunTally, sampleOf: (one: MechanismTally) => Sample): EcdfSeries[] {
  return tally.mechanisms.map((one) => ({ mechanism: one.run.name, sample: sampleOf(one) }));
}

/** On a narrow screen a chart keeps its size, and the reader scrolls. */
function scroll(chart: string): string {
  return `<div class="scroll">${chart}</div>`;
}
