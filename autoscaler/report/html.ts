/** report.html: one file, no network, no script, the same bytes for the same inputs. Pure. */
import { formatMs } from '../../base/units.ts';
import type { ResultData } from '../results/reader.ts';
import { renderEcdf, type EcdfSeries } from './ecdf-chart.ts';
import { latenciesOf } from './invocations.ts';
import { renderMemoryChart } from './memory-chart.ts';
import { methodSection, qualitySection } from './method.ts';
import { latencies, startOf } from './operations.ts';
import { PAGE_STYLE } from './page-style.ts';
import { CHART_STYLE, styleOf } from './palette.ts';
import type { MechanismSummary, Summary } from './summary.ts';
import { linesOf } from './summary.ts';
import { escapeText } from './svg.ts';
import { baselineNote, comparison, footnotes, percent } from './table.ts';

export function renderHtml(data: ResultData, summary: Summary): string {
  const { manifest } = data;
  const title = `hotplane replay: ${summary.mechanisms.map((one) => one.mechanism).join(', ')}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeText(title)}</title>
<style>${CHART_STYLE}${PAGE_STYLE}</style>
</head>
<body><main>
<h1>What memory costs, by how it comes back</h1>
<p class="lead">${escapeText(lead(data, summary))}</p>
${warnings(summary)}
${cards(summary)}
<h2>Memory over time</h2>
<div class="scroll">${renderMemoryChart(data)}</div>
<h2>Comparison</h2>
${table(summary)}
${footnotes(summary)
  .map((note) => `<p class="lead">${escapeText(note)}</p>`)
  .join('\n')}
<h2>Plug and unplug</h2>
<div class="charts">${operationCharts(data)}</div>
<h2>Invocations</h2>
<div class="charts">${invocationCharts(data)}</div>
${methodSection(manifest)}
${qualitySection(manifest, summary)}
<footer>Written by hotplane ${escapeText(manifest.versions.hotplane)} from manifest.json,
operations.jsonl, invocations.jsonl and memory.jsonl; <code>hotplane report</code> gives the same
bytes again.</footer>
</main></body>
</html>
`;
}

function lead({ manifest }: ResultData, summary: Summary): string {
  const { trace, window } = manifest;
  return (
    `${trace.rows_used} invocations of ${trace.functions_used} functions of an Azure Functions ` +
    `2021 trace, replayed ${trace.speedup} times as fast against real microVMs, once for each ` +
    `mechanism, over the same window of ${formatMs(window.window_ms)}. ${baselineNote(summary)}`
  );
}

function warnings(summary: Summary): string {
  const texts: string[] = [];
  if (summary.status !== 'complete') {
    texts.push(`This run is marked "${summary.status}": the figures cover what was seen.`);
  }
  for (const one of summary.mechanisms) {
    if (one.error !== null) texts.push(`${one.mechanism}: ${one.error}`);
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

/** The headline: what each mechanism held of the host. */
function cards(summary: Summary): string {
  const most = Math.max(1e-9, ...summary.mechanisms.map((one) => one.memory_gib_s.resident));
  const drawn = summary.mechanisms.map((one) => {
    const share = (one.memory_gib_s.resident / most) * 100;
    return `<div class="card ${styleOf(one.mechanism).class_name}">
<div class="name">${escapeText(one.mechanism)}</div>
<div class="figure">${one.memory_gib_s.resident.toFixed(1)} GiB·s</div>
<div class="note">resident on the host${escapeText(compared(one, summary))}</div>
<div class="bar ${styleOf(one.mechanism).class_name}"><i style="width:${share.toFixed(1)}%"></i></div>
<div class="note">${escapeText(unplugNote(one))}</div>
</div>`;
  });
  return `<div class="cards">${drawn.join('\n')}</div>`;
}

function compared(one: MechanismSummary, summary: Summary): string {
  if (one.mechanism === summary.baseline) return ', the baseline';
  const { resident } = one.saving;
  return resident === null ? '' : `, ${percent(-resident, true)} against ${summary.baseline}`;
}

function unplugNote(one: MechanismSummary): string {
  const { resident } = one.operations.unplug;
  if (resident.n === 0) return 'no unplugs';
  const p50 = resident.p50_ms === null ? 'not reached' : formatMs(resident.p50_ms);
  const pages = one.pages_migrated.whole_run ?? one.pages_migrated.in_operations;
  return `unplug until the host has it back: p50 ${p50}, n = ${resident.n}; ${pages} pages migrated`;
}

function table(summary: Summary): string {
  const names = summary.mechanisms.map((one) => `<th>${escapeText(one.mechanism)}</th>`);
  const body = comparison(summary).map((group) => {
    const head = `<tr><th colspan="${names.length + 1}">${escapeText(group.title)}</th></tr>`;
    const rows = group.rows.map((row) => {
      const name = row.label.startsWith(' ') ? '<td class="indent">' : '<td>';
      const cells = row.cells.map((cell) => `<td>${escapeText(cell)}</td>`).join('');
      return `<tr>${name}${escapeText(row.label.trim())}</td>${cells}</tr>`;
    });
    return `<tbody>${head}${rows.join('')}</tbody>`;
  });
  return (
    `<div class="scroll"><table><thead><tr><th></th>${names.join('')}</tr></thead>` +
    `${body.join('\n')}</table></div>`
  );
}

function operationCharts(data: ResultData): string {
  const series = (
    kind: 'plug' | 'unplug',
    stage: 'accepted_at_ms' | 'plugged_at_ms' | 'resident_at_ms',
  ): EcdfSeries[] =>
    data.manifest.mechanisms.map(({ name }) => ({
      mechanism: name,
      values_ms: latencies(
        linesOf(data, name).operations.filter((one) => one.kind === kind && startOf(one) >= 0),
        stage,
      ),
    }));
  return [
    renderEcdf({
      title: 'Plug: until plugged = requested',
      axis: 'time since the request to the VMM (log scale)',
      series: series('plug', 'plugged_at_ms'),
    }),
    renderEcdf({
      title: 'Unplug: until the host has the memory back',
      axis: 'time since the request to the VMM (log scale)',
      series: series('unplug', 'resident_at_ms'),
    }),
  ].join('\n');
}

function invocationCharts(data: ResultData): string {
  const series = (cold_only: boolean): EcdfSeries[] =>
    data.manifest.mechanisms.map(({ name }) => {
      const lines = linesOf(data, name).invocations;
      const chosen = cold_only ? lines.filter((one) => one.cold && one.outcome === 'done') : lines;
      return { mechanism: name, values_ms: latenciesOf(chosen) };
    });
  const ready = data.manifest.mechanisms.map(({ name }) => ({
    mechanism: name,
    values_ms: linesOf(data, name)
      .invocations.filter((one) => one.cold && one.outcome === 'done')
      .map((one) =>
        one.received_at_ms === null || one.instance_ready_at_ms === null
          ? null
          : one.instance_ready_at_ms - one.received_at_ms,
      ),
  }));
  return [
    renderEcdf({
      title: 'All invocations: received until finished',
      axis: 'latency (log scale)',
      series: series(false),
    }),
    renderEcdf({
      title: 'Cold starts: received until the instance is ready',
      axis: 'latency (log scale)',
      series: ready,
    }),
  ].join('\n');
}
