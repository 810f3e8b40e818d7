import type { FunctionStatus, StatusResponse } from '../../agent/api/client.ts';
import { inputsText } from '../../agent/model/call-memory.ts';
import { nodesOf } from '../../agent/model/spec.ts';
import type { ExpressionStatus } from '../../agent/model/span-messages.ts';
import { dividedTiers, homeNode } from '../../agent/model/tiers-spec.ts';
import { hostClock } from '../../base/clock.ts';
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { renderDag } from '../dag/status.ts';
import { cordonText } from '../host-text.ts';
import { networkText } from '../network-text.ts';
import { rungsText } from '../rungs-text.ts';
import { spansText } from '../spans-text.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const name = input.positionals[0] ?? '';
  const json = input.values.flag('json');
  const options = { signal: input.signal, with_state: json };
  const status = await withAgent(input, (client) => client.status(name, options));
  input.stdout.write(json ? renderJson(status) : renderHuman(status));
}

function renderJson(status: StatusResponse): string {
  const { state_json, ...rest } = status;
  const state: unknown = state_json === null ? null : JSON.parse(state_json);
  return jsonDocument({ ...rest, state });
}

function renderHuman(status: StatusResponse): string {
  const granted = formatBytes(status.granted_bytes);
  const free = formatBytes(status.free_bytes);
  const limit = formatBytes(status.host_limit_bytes);
  const head = `hotplane ${status.version}: ${granted} of ${limit} granted, ${free} free\n${hostText(status)}${cordonLine(status)}${queueLine(status)}`;
  const dags = status.dags.map(renderDag).join('');
  if (status.functions.length === 0) return `${head}no functions\n${dags}`;
  return head + status.functions.map(renderFunction).join('') + dags;
}

/** Told where it matters: while the host is short of memory. */
function hostText({ host_memory }: StatusResponse): string {
  if (!host_memory || host_memory.pressure === 'none') return '';
  const { available_bytes, keep_bytes, pressure } = host_memory;
  const has = `${formatBytes(available_bytes)} available of the ${formatBytes(keep_bytes)} it keeps`;
  return `memory pressure '${pressure}': the host has ${has}\n`;
}

function cordonLine({ cordon }: StatusResponse): string {
  return cordon ? `${cordonText(cordon)}\n` : '';
}

/** Told where it says something: while somebody waits, or much is given back. */
function queueLine({ queue }: StatusResponse): string {
  if (!queue) return '';
  const { waiting, heavy, tokens, slowdown } = queue;
  if (waiting === 0 && heavy === 0) return '';
  const slower = slowdown === null ? '' : `; functions ran ${slowdown.toFixed(2)} times as long`;
  return (
    `queue: ${waiting} changes of memory wait, large unplugs have ${heavy} of ${tokens} tokens` +
    `${slower}\n`
  );
}

/** What became of its promise about memory that it gives up. */
function renderReclaim({ reclaim }: FunctionStatus): string {
  if (!reclaim) return '';
  const { ms_per_gib, percentile, kept, late, foreseen, kept_percent, last_late } = reclaim;
  const promised = `${formatMs(ms_per_gib)} per GiB, p${percentile}`;
  const share = kept_percent === null ? 'none is over yet' : `${kept_percent.toFixed(1)} % in time`;
  const predicted = reclaim.predicted_ms_per_gib;
  const next = predicted === null ? '' : `; ${formatMs(predicted)} per GiB predicted`;
  const why = last_late ? `\n              last late: ${last_late.because}` : '';
  return (
    `  reclaim     ${promised}: ${share} (${kept} kept, ${late} late, ${foreseen} foreseen)` +
    `${next}${printable(why, 1_024)}\n`
  );
}

function renderFunction(status: FunctionStatus): string {
  const { function: spec, regions } = status;
  const sum = (pick: (region: FunctionStatus['regions'][number]) => number | null): string =>
    size(sumOf(regions.map(pick)));
  const backing = spec.backing === 'anonymous' ? '' : `backing ${spec.backing}, `;
  return (
    `\n${spec.name}  ${vmsText(status)}, ${spec.mechanism}, ${backing}` +
    `${spec.concurrency} x ${formatBytes(spec.limit_bytes)}\n` +
    `  instances   ${status.instances_starting} starting, ${status.instances_busy} busy, ` +
    `${status.instances_idle} idle, ${status.instances_stopping} stopping; ` +
    `${status.invocations_queued} invocations wait\n` +
    `  regions     permits ${formatBytes(status.permits_bytes)}, ` +
    `plugged ${sum((region) => region.plugged_bytes)}, ` +
    `guest counts ${size(status.guest_plugged_bytes)}, ` +
    `resident ${sum((region) => region.resident_bytes)}, ` +
    `in use ${sum((region) => region.used_bytes)}\n` +
    renderNodes(status) +
    `  VM          boot memory ${formatBytes(status.boot_bytes)}, resident in all ` +
    `${size(status.vm_resident_bytes)}, ${status.pages_migrated ?? UNKNOWN} pages migrated, ` +
    `${status.oom_kills ?? UNKNOWN} OOM kills\n` +
    networkText(status) +
    renderShared(status) +
    renderMemory(status) +
    spansText(status.spans, hostClock.nowMs()) +
    rungsText(status) +
    renderReclaim(status) +
    renderUnanswered(status) +
    renderFailure(status)
  );
}

/** Where the host's kernel says that its regions lie, and where they are bound to. */
function renderNodes({ function: spec, regions }: FunctionStatus): string {
  const sums = new Map<number, number>();
  for (const { nodes } of regions) {
    for (const { node, bytes } of nodes) sums.set(node, (sums.get(node) ?? 0) + bytes);
  }
  const host_node = homeNode(spec);
  const bound_to = nodesOf(spec);
  if (bound_to.length === 0 && sums.size === 0) return '';
  const unknown = regions.filter((one) => one.resident_bytes !== 0 && one.nodes.length === 0);
  const lies = [...sums]
    .toSorted(([a], [b]) => a - b)
    .map(([node, bytes]) => `${formatBytes(bytes)} on node ${node}`);
  if (unknown.length > 0) lies.push(`of ${unknown.length} regions unknown`);
  const spans = spec.spans.filter((span) => (span.host_node ?? host_node) !== host_node);
  const apart = spans.map((span) => `span ${span.name} to node ${span.host_node}`);
  const own = host_node === null ? [] : [`to node ${host_node}`];
  const tiers = dividedTiers(spec);
  const far = tiers ? [`far part to node ${tiers.far_node}`] : [];
  const bound = bound_to.length === 0 ? '' : `bound ${[...own, ...far, ...apart].join(', ')}; `;
  return `  host nodes  ${bound}resident ${lies.join(', ') || '0 B'}\n`;
}

/** What its VMs have beside regions; base runtime and code are there once for all instances. */
function renderShared({ shared_bytes, tmp_bytes, kernel_bytes }: FunctionStatus): string {
  if (shared_bytes === null) return '';
  return (
    `  shared      base and code ${formatBytes(shared_bytes)}; files in memory ` +
    `${size(tmp_bytes)}, guest kernel ${size(kernel_bytes)}\n`
  );
}

/** Of a function whose memory follows its use: what it has of what it may have, and its waits. */
function renderMemory({ memory }: FunctionStatus): string {
  if (!memory) return '';
  const { waits, waiting, denied, waited_ms, above_gib_s, growths, shrinks } = memory;
  return (
    `  elastic     baseline ${formatBytes(memory.baseline_bytes)}, ` +
    `now ${formatBytes(memory.plugged_bytes)}, max ${formatBytes(memory.max_bytes)}; ` +
    `${growths} growths, ${shrinks} shrinks; ${waits} waits (${waiting} now, ${denied} denied, ` +
    `${formatMs(waited_ms)}); ${above_gib_s.toFixed(3)} GiB s above the baseline\n` +
    (memory.expression ? renderExpression(memory.expression) : '')
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** How good the function's memory expression has been, and whether sizes are by it. */
function renderExpression(told: ExpressionStatus): string {
  const { answered, unanswered, checked, wrong, below, median_error, worst } = told;
  const errors =
    median_error === null
      ? 'none measured'
      : `median error ${percent(median_error)}` +
        (worst ? `, worst ${percent(worst.error_share)} at ${inputsText(worst.inputs)}` : '');
  const why = told.why_not === null ? '' : ` (${printable(told.why_not, 256)})`;
  const trust =
    told.distrusted_because === null
      ? ''
      : `  not gone by ${printable(told.distrusted_because, 512)}\n`;
  return (
    `  expression  ${answered} answers, ${unanswered} without${why}; ${checked} measured, ` +
    `${wrong} wrong (${below} too low); ${errors}\n${trust}`
  );
}

/** One VM and its state; where there may be more, all of them and how many are allowed. */
function vmsText({ function: { max_vms }, vm_id, vm_state, vms }: FunctionStatus): string {
  if (max_vms === 1) return `${vm_id} ${vm_state}`;
  const each = vms.map((vm) => `${vm.vm_id} ${vm.vm_state}`).join(', ');
  return `${each} (of at most ${max_vms} VMs)`;
}

const UNKNOWN = 'unknown';

const size = (bytes: number | null): string => (bytes === null ? UNKNOWN : formatBytes(bytes));

/** Null as soon as one of them is not known. */
function sumOf(parts: readonly (number | null)[]): number | null {
  return parts.reduce<number | null>(
    (sum, part) => (sum === null || part === null ? null : sum + part),
    0,
  );
}

function renderFailure({ last_failure, vm_state }: FunctionStatus): string {
  if (!last_failure) return '';
  const { code, message, next, vm_id, at_ms } = last_failure;
  const ago = formatMs(Math.max(0, hostClock.nowMs() - at_ms));
  const what = `${code}: ${message}${vm_state === 'lost' ? ` Next: ${next}` : ''}`;
  return `  last fault  ${ago} ago, ${vm_id}: ${printable(what, 2_048)}\n`;
}

/** Who was asked in vain, and for how long it has told nothing. */
function renderUnanswered(status: FunctionStatus): string {
  const now_ms = hostClock.nowMs();
  const silent = status.unanswered.map((who) => {
    const last_ms = who === 'vmm' ? status.vmm_answered_at_ms : status.guest_answered_at_ms;
    const since =
      last_ms === null ? 'never' : `last ${formatMs(Math.max(0, now_ms - last_ms))} ago`;
    return `${who === 'vmm' ? 'the VMM' : 'the guest'} (${since})`;
  });
  return silent.length === 0 ? '' : `  no answer   from ${silent.join(' and ')}\n`;
}

export const statusCommand: Command = {
  name: 'status',
  summary: 'show functions, instances and where the memory is',
  positionals: ['[NAME]'],
  options: { socket: SOCKET_OPTION, json: JSON_OPTION },
  help: `
Asks the VMM, the guest and the host afresh, so the three can be compared: plugged (VMM), guest
counts, resident (host). Whoever does not answer within a second is named, and what only it could
tell is 'unknown' (null with --json), never 0. With --json everything, each region and the agent's
whole decision state included. Of each DAG it says how many calls met its deadline, and where the
time of those that are done went on average, along the way that took longest of each. Of a function
with a network it names the bridge, and the address of each instance there is.

  hotplane status --json
`,
  run,
};
