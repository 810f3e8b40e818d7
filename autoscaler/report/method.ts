/** The parts of the report that say how the figures came about. Pure. */
import { formatBytes, formatMs } from '../../base/units.ts';
import type { Manifest } from '../results/schema.ts';
import { percent, spread } from './figures.ts';
import { IN_TIME_MS, SHORTEST_DURATION_MS } from './invocations.ts';
import {
  EVENT_LOOP_LAG_MAX_MS,
  MEMORY_WAIT_SHARE_MAX,
  OTHER_CPU_SHARE_MAX,
  STEAL_SHARE_MAX,
} from './load.ts';
import { speedupText } from './speedup-text.ts';
import type { Summary } from './summary.ts';
import { escapeText } from '../../base/chart/svg.ts';
import { UNOBSERVED_MS } from './vm-life.ts';

type Fact = readonly [string, string];

export function methodSection(manifest: Manifest): string {
  return `<h2>Method</h2>
<p>Every arrival is sent at its time whether or not earlier ones are done (open loop). Memory is the
exact integral of the step functions in memory.jsonl, summed over all function VMs, from the first
arrival to a fixed end that is the same for every mechanism. A mechanism that lets callers wait holds
less meanwhile; so memory is also told for each invocation served in time (done at most
${formatMs(IN_TIME_MS)} after its planned end), and one that serves fewer in time is not compared. "Resident" is what the VMM process really holds of the host's memory; "committed" is
boot memory plus the agent's permits. An unplug is done when plugged = requested and the host sees
it: "accepted" by the VMM is not success. Latencies count from the request to the VMM. Pages migrated
are the guests' own counts over the whole run; summed over operations, those of one VM that overlap
count each other's pages too.</p>
<p>A mechanism is compared only when every planned invocation was done within the window, every function
VM lived and was seen all the time (no silence above ${formatMs(UNOBSERVED_MS)}), and nothing disturbed the
host: others took at most ${percent(OTHER_CPU_SHARE_MAX)} of its CPU time and a hypervisor below at most
${percent(STEAL_SHARE_MAX)}, tasks waited for memory in at most ${percent(MEMORY_WAIT_SHARE_MAX)} of the time, and
the replay was never held up for more than ${formatMs(EVENT_LOOP_LAG_MAX_MS)}.</p>
${list(machineFacts(manifest))}
<h2>Load and sizes</h2>
${list(loadFacts(manifest))}
${functionTable(manifest)}`;
}

/** What was replayed, as far as the manifest tells it. */
export function leadText({ inputs, trace, window, mechanisms, kind }: Manifest): string {
  const formats = [...new Set(inputs.map((one) => FORMATS[one.format] ?? one.format))];
  const from = formats.length === 0 ? 'a trace' : formats.join(' and ');
  const source = trace.source === null ? '' : ` (${trace.source})`;
  const runs = mechanisms.filter((run) => run.status !== 'waiting').length;
  const each = runs === 1 ? 'under one mechanism' : 'once for each mechanism';
  return (
    `${trace.rows_used} invocations of ${trace.functions_used} functions from ${from}${source}, ` +
    `${kind === 'simulation' ? 'simulated' : 'replayed'} ${trace.speedup} times as fast ` +
    `${kind === 'simulation' ? 'without a VM' : 'against real microVMs'}, ${each}, over the same ` +
    `window of ${formatMs(window.window_ms)}.`
  );
}

function warmUpRow({ warm_up }: Manifest['window']): [string, string][] {
  if (!warm_up) return [];
  const calls = `${warm_up.invocations} calls in ${formatMs(warm_up.ms)} before the window`;
  return [['warm-up', `${calls}: made and recorded, at times below 0, and counted in no figure`]];
}

/** Formats as a reader of the report knows them. A format says nothing of where a file is from. */
const FORMATS: Readonly<Record<string, string>> = {
  azure2021: 'a file in the format of the Azure Functions 2021 trace',
};

export function qualitySection(manifest: Manifest, summary: Summary): string {
  const { trace } = manifest;
  const { used } = trace;
  const facts: Fact[] = [
    ['rows in the file', `${trace.rows_total}, of which ${trace.rows_used} are replayed`],
    [
      'functions, apps',
      `${trace.functions_total} functions of ${trace.apps_total} apps in the file`,
    ],
    [
      'time span',
      `${formatMs(trace.span_ms)} in the file${used ? `, ${formatMs(used.span_ms)} replayed` : ''}`,
    ],
    [
      'zero durations',
      `${trace.zero_durations} rows of the file${used ? `, ${used.zero_durations} replayed` : ''}; kept`,
    ],
    [
      'out of order',
      `${trace.out_of_order_rows} rows of the file arrive before the row above; sorted`,
    ],
    [
      'start before 0',
      `${trace.negative_starts} rows of the file${used ? `, ${used.negative_starts} replayed` : ''}`,
    ],
  ];
  if (!used) facts.push(['rows replayed', 'their own quality was not recorded in this folder']);
  for (const one of summary.mechanisms) {
    const late =
      one.invocations.lateness.n === 0 ? 'nothing sent' : spread(one.invocations.lateness);
    const gap = formatMs(one.longest_memory_gap_ms);
    facts.push([
      `${one.mechanism}: sent late`,
      `${late}; longest time without a memory record ${gap}`,
    ]);
  }
  return `<h2>Data quality</h2>\n${list(facts)}`;
}

function machineFacts(manifest: Manifest): Fact[] {
  const { host, guest, versions } = manifest;
  const runs = manifest.mechanisms.filter((run) => run.vmm !== '');
  const facts: Fact[] = [];
  if (host) {
    const { cpu_model, cores, memory_bytes, kernel } = host;
    const machine = `${cpu_model}, ${cores} cores, ${formatBytes(memory_bytes)}`;
    facts.push(['host', `${machine}, Linux ${kernel} ${host.arch}`]);
  }
  for (const run of runs) {
    const what = `${run.vmm}, ${run.accelerator}, guest kernel ${run.guest_kernel}`;
    facts.push([run.name, `${what}${kernelText(run.kernel)}`]);
  }
  const init = guest.init_on_alloc ? 'on' : 'off';
  const huge = guest.huge_pages ? 'on' : 'off';
  facts.push(
    ['guest', `init_on_alloc ${init}, huge pages ${huge}, ${guest.backing} backing`],
    ['versions', `hotplane ${versions.hotplane}, agent ${versions.agent}, Node ${versions.node}`],
    ...provenanceFacts(manifest),
    ...modelFacts(manifest),
    ['started', manifest.started_at],
    ['command', manifest.command.join(' ')],
    ['seed', String(manifest.seed)],
  );
  for (const input of manifest.inputs) {
    facts.push(['input', `${input.path}, ${input.bytes} B, SHA-256 ${input.sha256}`]);
  }
  return facts;
}

function kernelText(kernel: Manifest['mechanisms'][number]['kernel']): string {
  if (kernel === null) return '';
  const series = kernel.series_revision === null ? '' : `, series ${kernel.series_revision}`;
  return ` (${kernel.variant}${series}, key ${kernel.key})`;
}

/** The very sources and VMM program of a run, as far as they were recorded. */
/** Of a simulation: where the times of its mechanisms come from. */
function modelFacts({ simulated }: Manifest): Fact[] {
  return (simulated?.mechanisms ?? []).map(({ name, source, plug, unplug, start_ms, stop_ms }) => {
    const lineOf = ({ base_ms, ms_per_mib }: typeof plug): string =>
      `${base_ms.toFixed(1)} ms and ${ms_per_mib.toFixed(3)} ms for each MiB`;
    const times = `plug ${lineOf(plug)}; unplug ${lineOf(unplug)}`;
    const rest = `start ${formatMs(start_ms)}, stop ${formatMs(stop_ms)}`;
    return [`${name}, a model`, `${source}: ${times}; ${rest}`];
  });
}

function provenanceFacts({ provenance }: Manifest): Fact[] {
  if (provenance === null) return [];
  const { commit, is_dirty, vmm_binary } = provenance;
  const facts: Fact[] = [];
  if (commit !== null) facts.push(['sources', `${commit}${is_dirty ? ', changed since' : ''}`]);
  if (vmm_binary !== null) {
    facts.push(['VMM program', `${vmm_binary.path}, SHA-256 ${vmm_binary.sha256}`]);
  }
  return facts;
}

function speedupRow({ speedup_choice: choice }: Manifest): Fact[] {
  return choice ? [['how it was chosen', `--speedup auto: ${speedupText(choice)}`]] : [];
}

function loadFacts(manifest: Manifest): Fact[] {
  const { trace, policy, window, memory_model: model } = manifest;
  const map = model.mapping === 'rank' ? 'by rank of the function, in order' : 'at random, by seed';
  return [
    [
      'speed-up',
      `${trace.speedup}: gaps, keep-alive, and of each duration the waiting and the computing are ` +
        'divided; touching memory, plugs and starts take what they take',
    ],
    ...speedupRow(manifest),
    [
      'policy',
      `${policy.name}, ${policy.keep_alive_s} s of the trace = ${formatMs(policy.keep_alive_ms)}`,
    ],
    [
      'window',
      `${formatMs(window.window_ms)} = load ${formatMs(window.load_ms)} + keep-alive ` +
        `${formatMs(window.keep_alive_ms)} + margin ${formatMs(window.margin_ms)}`,
    ],
    ...warmUpRow(window),
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
        ? `what each function needs when nobody waits${cappedText(manifest)}`
        : `${model.concurrency} instances in a function VM${cappedText(manifest)}`,
    ],
    [
      'slowdown',
      `latency / planned duration; durations below ${SHORTEST_DURATION_MS} ms count as that, which is ` +
        `${formatMs(SHORTEST_DURATION_MS * trace.speedup)} of the trace's own time`,
    ],
  ];
}

/** Functions that cannot have as many instances as the plan would need at its peak. */
function cappedText({ functions }: Manifest): string {
  const capped = functions.filter((one) => (one.peak_concurrency ?? 0) > one.concurrency);
  if (capped.length === 0) return '';
  const names = capped.map((one) => `${one.name} ${one.concurrency} of ${one.peak_concurrency}`);
  return `; capped, so that some calls must wait: ${names.join(', ')}`;
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
