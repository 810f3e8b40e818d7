/** Why something is as it is: its records, and what they come of, back to who asked. Pure. */
import { type Entry, type LedgerGraph, unknownName } from './graph.ts';
import type { LedgerRecord } from './record.ts';

/** One record on the way back. */
export interface WhyStep {
  readonly entry: Entry;
  /** How many edges it is away from what was asked about. */
  readonly depth: number;
}

export interface Explanation {
  readonly name: string;
  /** The last word on what was asked about. */
  readonly target: Entry;
  /** The nearest thing that went wrong, or was denied, and led to it; null: nothing did. */
  readonly because: Entry | null;
  /** Who asked, where it goes back to a request. */
  readonly asked: Entry | null;
  /** The nearest first. */
  readonly steps: readonly WhyStep[];
}

/** Records further away than this say nothing of it any more. */
const DEPTH = 32;
/** Nobody reads more; the nearest are kept. */
const STEPS = 200;

/**
 * About an operation, an instance, a request or an invocation, a VM, or a record (`#17`). Throws
 * HP_LEDGER_UNKNOWN.
 */
export function whyOf(graph: LedgerGraph, name: string): Explanation {
  const target = targetOf(graph, name);
  if (!target) throw unknownName(name);
  return explainEntry(graph, name, target);
}

/** About one record. */
export function explainEntry(graph: LedgerGraph, name: string, target: Entry): Explanation {
  const steps = stepsFrom(graph, target);
  const because = steps.find(({ entry }) => entry !== target && wentWrong(entry.record));
  const own = wentWrong(target.record) ? target : null;
  const asked = steps.find(({ entry }) => isRequest(entry.record));
  const found = because?.entry ?? own;
  return { name, target, because: found, asked: asked?.entry ?? null, steps };
}

/** The newest record about it that says how it ended; else the newest. */
function targetOf(graph: LedgerGraph, name: string): Entry | null {
  let last: Entry | null = null;
  /** Of invocations of that name: how they ended is told by the agent's own names of them. */
  const requests = new Set<string>();
  for (const entry of graph.entries) {
    const { invocation_id, request_id } = entry.record;
    const request = request_id && `${entry.source.folder} ${request_id}`;
    if (request && graph.isNamed(entry.source, invocation_id, name)) requests.add(request);
    const is_about = isAbout(graph, entry, name) || (request && requests.has(request));
    if (is_about && (!last || weight(entry) >= weight(last))) last = entry;
  }
  return last;
}

function isAbout(graph: LedgerGraph, { source, record }: Entry, name: string): boolean {
  const { operation_id, instance_id, request_id, invocation_id, vm_id, seq } = record;
  if (record.kind === 'policy') return false;
  if (name === `#${seq}` || name === `${source.host}:#${seq}`) return true;
  const ids = [operation_id, instance_id, request_id, invocation_id];
  if (record.region_id === undefined && record.instance_id === undefined) ids.push(vm_id);
  return ids.some((id) => graph.isNamed(source, id, name));
}

/** What went wrong is asked about more than what was to be done; observers tell of ends alone. */
function weight({ record }: Entry): number {
  if (record.kind === 'denied' || record.kind === 'done') return 3;
  if (wentWrong(record)) return 2;
  return record.kind === 'observed' || record.kind === 'resident' ? 0 : 1;
}

const ENDS = new Set<LedgerRecord['kind']>(['populated', 'grown', 'shrunk', 'emptied']);

function wentWrong({ kind, outcome, code }: LedgerRecord): boolean {
  if (kind === 'fault' || kind === 'denied') return true;
  if (kind === 'observed') return code !== null && code !== undefined;
  return ENDS.has(kind) && outcome !== undefined && outcome !== 'done';
}

function isRequest({ kind }: LedgerRecord): boolean {
  return kind === 'request' || kind === 'deploy' || kind === 'asked' || kind === 'want';
}

function stepsFrom(graph: LedgerGraph, target: Entry): WhyStep[] {
  const seen = new Set([target]);
  const steps: WhyStep[] = [{ entry: target, depth: 0 }];
  for (const { entry, depth } of steps) {
    if (depth === DEPTH || steps.length > STEPS) break;
    const causes = graph.causesOf(entry).toSorted((a, b) => b.record.seq - a.record.seq);
    for (const cause of causes) {
      if (seen.has(cause)) continue;
      seen.add(cause);
      steps.push({ entry: cause, depth: depth + 1 });
    }
  }
  return steps;
}

/** Everything that was not granted, with what it came of. */
export function denialsOf(graph: LedgerGraph): Explanation[] {
  const denied = graph.entries.filter(({ record }) => record.kind === 'denied');
  return denied.map((entry) => explainEntry(graph, `#${entry.record.seq}`, entry));
}
