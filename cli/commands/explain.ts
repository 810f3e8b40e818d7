import { existsSync } from 'node:fs';
import { hostClock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { jsonDocument } from '../../base/json.ts';
import { printable } from '../../base/printable.ts';
import { formatBytes, formatMs } from '../../base/units.ts';
import type { RegionStatus } from '../../agent/model/messages.ts';
import type { ExplainResponse } from '../../agent/model/span-messages.ts';
import { type Command, type CommandInput, JSON_OPTION, type OptionSpec } from '../command.ts';
import { type InstanceUse, useOf, useText } from '../instance-use.ts';
import { ledgerInput, USUAL_LEDGER } from '../ledger-options.ts';
import { SOCKET_OPTION } from '../socket.ts';
import { withAgent } from '../with-agent.ts';

async function run(input: CommandInput): Promise<void> {
  const name = input.positionals[0] ?? '';
  if (input.values.list('ledger').length > 0) return await fromLedger(input, name);
  let told: ExplainResponse;
  try {
    told = await withAgent(input, (client, signal) => client.explain(name, { signal }));
  } catch (error) {
    // Of what is gone, and while no agent is there, the ledger still speaks.
    if (!isSilent(error) || !existsSync(USUAL_LEDGER)) throw error;
    return await fromLedger(input, name);
  }
  const more = await besideBook(input, name);
  const regions = await regionsOf(input, told);
  const use = useOf(told, regions);
  if (input.values.flag('json')) {
    const json = withUse(told, use);
    input.stdout.write(jsonDocument(more ? { ...json, ledger: more.json } : json));
    return;
  }
  const text = render(told, use, nodesText(told, regions));
  input.stdout.write(more ? `${text}\nby its ledger:\n${more.text}` : text);
}

const SILENT = new Set(['HP_AGENT_NO_INSTANCE', 'HP_AGENT_UNREACHABLE']);
const isSilent = (error: unknown): boolean => isHotplaneError(error) && SILENT.has(error.code);

async function fromLedger(input: CommandInput, name: string): Promise<void> {
  const { runExplain } = await import('../../ledger/command.ts');
  runExplain(ledgerInput(input), name);
}

/** Null: the agent has no ledger at the usual place, or its newest part says nothing of it. */
async function besideBook(input: CommandInput, name: string): Promise<Beside | null> {
  if (!existsSync(USUAL_LEDGER)) return null;
  const { newestStory } = await import('../../ledger/command.ts');
  const status = await withAgent(input, (client, signal) => client.status('', { signal }));
  return status.ledger && newestStory(USUAL_LEDGER, status.ledger.ledger, name);
}

/**
 * Its own regions, as its VM tells of them now: asked where the book does not know what is in use,
 * and where memory is bound to a node. None: the book is enough.
 */
async function regionsOf(
  input: CommandInput,
  { host_node, function: name, vm_id, region_id, tiers, used_bytes }: ExplainResponse,
): Promise<readonly RegionStatus[]> {
  if (host_node === null && !tiers && used_bytes !== null) return [];
  const { functions } = await withAgent(input, (client, signal) => client.status(name, { signal }));
  const own = [region_id, tiers?.region_id];
  return functions
    .flatMap(({ regions }) => regions)
    .filter((one) => one.vm_id === vm_id && own.includes(one.id));
}

/** What is in use beside what the agent's book has. */
function withUse(told: ExplainResponse, { all_bytes, near_bytes, far_bytes }: InstanceUse): object {
  const { tiers } = told;
  const used = tiers && { near_used_bytes: near_bytes, far_used_bytes: far_bytes };
  return { ...told, used_bytes: all_bytes, tiers: tiers && { ...tiers, ...used } };
}

/** Where the host's kernel says that its regions lie. Null: they are not bound to a node. */
function nodesText(
  { host_node, tiers }: ExplainResponse,
  found: readonly RegionStatus[],
): string | null {
  if (host_node === null && !tiers) return null;
  const resident = found.filter((one) => one.resident_bytes !== 0);
  if (found.length > 0 && resident.length === 0) return 'nowhere: nothing of it is resident';
  if (resident.length === 0 || resident.some(({ nodes }) => nodes.length === 0)) {
    return 'unknown: the host does not tell it';
  }
  const parts = resident.flatMap(({ nodes }) =>
    nodes.map(({ node, bytes }) => `${formatBytes(bytes)} on node ${node}`),
  );
  return `${parts.join(', ')}, by the host's word`;
}

interface Beside {
  readonly json: object;
  readonly text: string;
}

const size = (bytes: number | null): string => (bytes === null ? 'unknown' : formatBytes(bytes));

/** The agent's stamps are of the host's clock, which is the same here. */
function render(told: ExplainResponse, use: InstanceUse, lies: string | null): string {
  const now_ms = hostClock.nowMs();
  const ago = (at_ms: number): string => `${formatMs(Math.max(0, now_ms - at_ms))} ago`;
  const { want_bytes, wanted_at_ms, next_at_ms } = told;
  const wait =
    want_bytes === null || wanted_at_ms === null
      ? ''
      : `, waits for ${formatBytes(want_bytes)} more since ${ago(wanted_at_ms)}`;
  // Nobody asks for the tail of what has one size.
  const { free_tail_bytes, baseline_bytes } = told;
  const has_tail = free_tail_bytes !== null || baseline_bytes !== null;
  const tail = has_tail ? `, ${size(free_tail_bytes)} free at its end` : '';
  const due =
    next_at_ms === null ? '' : ` (in ${formatMs(Math.max(0, next_at_ms - now_ms))} at the latest)`;
  const lines = [
    `${told.instance_id}  ${told.phase}, ${told.function}, ${told.vm_id} ${told.region_id}`,
    ...startedLine(told, ago),
    `  size        ${formatBytes(told.plugged_bytes)} of at most ${formatBytes(told.max_bytes)}` +
      `; started with ${size(told.baseline_bytes ?? told.max_bytes)}`,
    `  because     ${printable(told.because ?? 'its function has one size', 512)}`,
    `  in use      ${useText(use, told.tiers !== null)}${tail}${wait}`,
    ...(told.expected_bytes === null && told.peak_bytes === null
      ? []
      : [`  expected    ${size(told.expected_bytes)}; at most ${size(told.peak_bytes)} so far`]),
    `  permit      ${formatBytes(told.permit_bytes)}; ` +
      `${formatBytes(told.free_bytes)} of ` +
      `${told.host_node === null ? 'the host' : `host node ${told.host_node}`} are free`,
    ...tiersLines(told, ago),
    ...(lies === null ? [] : [`  lies        ${lies}`]),
    `  next        ${printable(told.next, 512)}${due}; policy ${told.policy}`,
    ...told.spans.map((span) => {
      const { name, region_id, bytes, plugged_bytes, asked_at_ms, opened_at_ms } = span;
      const state =
        opened_at_ms === null
          ? `waits since ${ago(asked_at_ms)}, refused in ` +
            formatMs(Math.max(0, span.deny_at_ms - now_ms))
          : `open since ${ago(opened_at_ms)}`;
      const size_text = `${formatBytes(plugged_bytes)} of ${formatBytes(bytes)}`;
      return `  span ${name}  ${size_text} in ${region_id}, ${state}`;
    }),
    ...told.changes.map((change) => {
      const { cause, from_bytes, to_bytes, outcome, ended_at_ms, decided_at_ms, reason } = change;
      const took = formatMs(ended_at_ms - decided_at_ms);
      const why = reason === null ? '' : `: ${printable(reason, 256)}`;
      const what = `${cause} ${formatBytes(from_bytes)} -> ${formatBytes(to_bytes)}`;
      return `  ${ago(ended_at_ms)}: ${what} ${outcome} in ${took}${why}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** Nothing of one that has all of its memory in one region. */
function tiersLines({ tiers }: ExplainResponse, ago: (at_ms: number) => string): string[] {
  if (!tiers) return [];
  const { near_bytes, far_bytes, region_id, host_node, share, because, moved_at_ms } = tiers;
  const where =
    `${formatBytes(near_bytes)} near, ` +
    `${formatBytes(far_bytes)} on host node ${host_node} (${region_id})`;
  const by = share === null ? 'as its function is defined' : `share ${share} was chosen`;
  const why = because === null ? [] : [`  share       ${printable(because, 1_024)}`];
  const moved =
    moved_at_ms === null
      ? []
      : [`  moved       ${ago(moved_at_ms)}: its unused memory changed its tier`];
  return [`  tiers       ${where}: ${by}`, ...why, ...moved];
}

/** Nothing of one that an earlier agent has started. */
function startedLine(
  { started_for, started_because, started_at_ms }: ExplainResponse,
  ago: (at_ms: number) => string,
): string[] {
  if (started_for === null) return [];
  const why = printable(started_because ?? '', 512);
  const when = started_at_ms === null ? '' : ` ${ago(started_at_ms)}`;
  return [`  started     ${STARTED_FOR[started_for]}${when}: ${why}`];
}

const STARTED_FOR: Readonly<Record<NonNullable<ExplainResponse['started_for']>, string>> = {
  call: 'for a call',
  foreseen: 'for a call that is foreseen',
  bounds: 'to be kept',
  pool: 'by the pool',
  policy: 'by its policy',
};

const LEDGER_OPTION: OptionSpec = {
  value: 'DIR',
  summary: 'answer from the records of this ledger; several are joined',
  multiple: true,
};

export const explainCommand: Command = {
  name: 'explain',
  summary: 'tell why an instance has the memory it has',
  positionals: ['INSTANCE'],
  options: { socket: SOCKET_OPTION, ledger: LEDGER_OPTION, json: JSON_OPTION },
  help: `
What it was started for, how large it is and why, what its guest says is in use, what is granted
for it, what is decided next, and the latest changes of its size with what came of each. Instances
have the names that 'hotplane status --json' tells. The agent answers from its own book; its VM is
asked where an instance has one size, for what is in use, and where its memory is bound to a NUMA
node of the host, for where it really lies. Its ledger, where that is at the usual place, adds what
the policy saw, the calls, and whose memory it was.

With --ledger the records alone answer, also of what is long gone: for an instance from its start to
what was left of it; for an operation, a request, an invocation or a VM what led to it, as
'hotplane ledger why'. So does the usual ledger where the agent is not there, or knows no such
instance.

  hotplane explain i7
  hotplane explain i7 --ledger /var/lib/hotplane/ledger
`,
  run,
};
