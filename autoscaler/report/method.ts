/** The parts of the report that say how the figures came about. Pure. */
import { formatBytes, formatMs } from '../../base/units.ts';
import type { Manifest } from '../results/schema.ts';
import { SHORTEST_DURATION_MS } from './invocations.ts';
import type { Summary } from './summary.ts';
import { escapeText } from './svg.ts';
import { percent } from './table.ts';

type Fact = readonly [string, string];

export function methodSection(manifest: Manifest): string {
  return `<h2>Method</h2>
<p>Every arrival is sent at its time whether or not earlier ones are done (open loop). Memory is the
exact integral of the step functions in memory.jsonl, summed over all function VMs, from the first
arrival to a fixed end that is the same for every mechanism, so a slow mechanism gains nothing by
taking longer. "Resident" is what the VMM process really holds of the host's memory; "committed" is
boot memory plus the agent's permits. An unplug is done when plugged = requested and the host sees
it: "accepted" by the VMM is not success. Latencies count from the request to the VMM. Pages migrated
are the guests' own counts over the whole run; summed over operations, those of one VM that overlap
count each other's pages too.</p>
${list(machineFacts(manifest))}
<h2>Load and sizes</h2>
${list(loadFacts(manifest))}
${functionTable(manifest)}`;
}

export function qualitySection(manifest: Manifest, summary: Summary): string {
  const { trace } = manifest;
  const facts: Fact[] = [
    ['rows in the file', `${trace.rows_total}, of which ${trace.rows_used} are replayed`],
    ['functions, apps', `${trace.functions_total} functions of ${trace.apps_total} apps`],
    ['time span', formatMs(trace.span_ms)],
    ['zero durations', `${trace.zero_durations} rows, kept`],
    ['out of order', `${trace.out_of_order_rows} rows arrive before the row above; sorted`],
    ['start before 0', `${trace.negative_starts} rows`],
  ];
  for (const one of summary.mechanisms) {
    const { p99_ms, max_ms, n } = one.invocations.lateness;
    const late = p99_ms === null ? 'nothing sent' : `p99 ${formatMs(p99_ms)}`;
    const most = max_ms === null ? '' : `, max ${formatMs(max_ms)}`;
    const gap = formatMs(one.longest_memory_gap_ms);
    facts.push([
      `${one.mechanism}: sent late`,
      `${late}${most}, n = ${n}; longest time without a memory record ${gap}`,
    ]);
  }
  return `<h2>Data quality</h2>\n${list(facts)}`;
}

function machineFacts(manifest: Manifest): Fact[] {
  const { host, guest, versions } = manifest;
  const runs = manifest.mechanisms.filter((run) => run.vmm !== '');
  const facts: Fact[] = [
    [
      'host',
      `${host.cpu_model}, ${host.cores} cores, ${formatBytes(host.memory_bytes)}, ` +
        `Linux ${host.kernel} ${host.arch}`,
    ],
  ];
  for (const run of runs) {
    facts.push([run.name, `${run.vmm}, ${run.accelerator}, guest kernel ${run.guest_kernel}`]);
  }
  const init = guest.init_on_alloc ? 'on' : 'off';
  const huge = guest.huge_pages ? 'on' : 'off';
  facts.push(
    ['guest', `init_on_alloc ${init}, huge pages ${huge}, ${guest.backing} backing`],
    ['versions', `hotplane ${versions.hotplane}, agent ${versions.agent}, Node ${versions.node}`],
    ['started', manifest.started_at],
    ['command', manifest.command.join(' ')],
    ['seed', String(manifest.seed)],
  );
  for (const input of manifest.inputs) {
    facts.push(['input', `${input.path}, ${input.bytes} B, SHA-256 ${input.sha256}`]);
  }
  return facts;
}

function loadFacts(manifest: Manifest): Fact[] {
  const { trace, policy, window, memory_model: model } = manifest;
  const map = model.mapping === 'rank' ? 'by rank of the function, in order' : 'at random, by seed';
  return [
    ['speed-up', `${trace.speedup}: gaps, durations and keep-alive are divided; plugs are not`],
    [
      'policy',
      `${policy.name}, ${policy.keep_alive_s} s of the trace = ${formatMs(policy.keep_alive_ms)}`,
    ],
    [
      'window',
      `${formatMs(window.window_ms)} = load ${formatMs(window.load_ms)} + keep-alive ` +
        `${formatMs(window.keep_alive_ms)} + margin ${formatMs(window.margin_ms)}`,
    ],
    ['memory model', `${model.name} (${model.source}), ${map}; the trace has no memory sizes`],
    [
      'sizes',
      `limits × ${model.scale} rounded up to 128 MiB blocks; ${percent(model.touched_share)} of ` +
        `the limit touched, ${percent(model.file_share)} mapped from files`,
    ],
    [
      'CPU',
      `${percent(model.cpu_share)} of each duration is computed (the trace does not say); ` +
        `vCPU share × concurrency, at most ${model.most_vcpus}`,
    ],
    [
      'concurrency',
      model.concurrency === 'peak'
        ? 'what each function needs when nobody waits'
        : `${model.concurrency} instances in a function VM`,
    ],
    [
      'slowdown',
      `latency / planned duration; durations below ${SHORTEST_DURATION_MS} ms count as that`,
    ],
  ];
}

function functionTable(manifest: Manifest): string {
  const rows = manifest.functions.map((one) =>
    [
      one.name,
      String(one.invocations),
      formatBytes(one.limit_bytes),
      formatBytes(one.anonymous_bytes),
      formatBytes(one.file_bytes),
      String(one.concurrency),
      String(one.vcpus),
      formatBytes(one.boot_bytes),
    ]
      .map((cell) => `<td>${escapeText(cell)}</td>`)
      .join(''),
  );
  const heads = [
    'function',
    'invocations',
    'limit',
    'touched',
    'file',
    'instances',
    'vCPUs',
    'boot memory',
  ];
  return (
    `<div class="scroll"><table><thead><tr>${heads.map((h) => `<th>${h}</th>`).join('')}</tr>` +
    `</thead><tbody>${rows.map((row) => `<tr>${row}</tr>`).join('\n')}</tbody></table></div>`
  );
}

function list(facts: readonly Fact[]): string {
  const items = facts.map(
    ([name, value]) => `<dt>${escapeText(name)}</dt><dd>${escapeText(value)}</dd>`,
  );
  return `<dl>${items.join('\n')}</dl>`;
}
