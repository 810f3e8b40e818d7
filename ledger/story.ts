/**
 * Why an instance had the memory it had, from its first byte to what was left of it: what the
 * policy answered, what was done, what came of each, and how it ended. Pure.
 */
import { type Entry, type LedgerGraph, unknownName } from './graph.ts';
import { lineageOf, type Tenure } from './lineage.ts';
import { answersOf, type LedgerRecord, type PolicyAnswer } from './record.ts';
import { explainEntry, type Explanation } from './why.ts';

/** What a policy answered, and the record of it. */
export interface Answered extends PolicyAnswer {
  readonly policy: string;
  readonly seq: number;
  readonly wall_ms: number;
}

/** One change of its size, or a growth that was denied. */
export interface StoryChange {
  readonly seq: number;
  readonly operation_id: string | null;
  readonly cause: string | null;
  readonly decided_ms: number;
  /** Null: its end was not recorded. */
  ended_ms: number | null;
  readonly from_bytes: number | null;
  readonly to_bytes: number | null;
  /** By the VMM's word, at its end. */
  plugged_bytes: number | null;
  outcome: string | null;
  code: string | null;
  reason: string | null;
  /** Of the policy, in the step that decided it. */
  readonly answers: readonly Answered[];
}

/** Who had the same memory before it, or after it. */
export interface Neighbour {
  readonly function: string;
  readonly instance_id: string | null;
  readonly from_ms: number;
  readonly handover: Tenure['handover'];
}

export interface Story {
  readonly host: string;
  readonly instance_id: string;
  readonly function: string;
  readonly region_id: string;
  readonly tenure: Tenure;
  /** What it began with, for certain; null: its function has one size. */
  readonly baseline_bytes: number | null;
  /** The newest that the VMM told; null: it told none. */
  readonly plugged_bytes: number | null;
  readonly permit_bytes: number | null;
  /** The oldest first. */
  readonly changes: readonly StoryChange[];
  /** What ended it, what led there, and what the policy answered; null: it lives. */
  readonly end: { readonly why: Explanation; readonly answers: readonly Answered[] } | null;
  readonly before: Neighbour | null;
  readonly after: Neighbour | null;
}

/** Null: no instance of that name had a region. The newest of that name, where there were more. */
export function storyOf(graph: LedgerGraph, name: string): Story | null {
  const holder = holderOf(graph, name);
  const { region_id, instance_id } = holder?.record ?? {};
  if (!holder || !region_id || !instance_id) return null;
  const tenures = lineageOf(graph, graph.nameOf(holder.source, region_id)).filter(
    (one) => one.region_id === region_id && one.host === holder.source.host,
  );
  const at = tenures.findLastIndex((one) => one.instance_id === instance_id);
  const tenure = tenures[at];
  if (!tenure) throw unknownName(name);
  const own = recordsOf(graph, holder, tenures[at + 1]);
  const last = (part: (record: LedgerRecord) => number | null | undefined): number | null =>
    part(own.findLast(({ record }) => (part(record) ?? null) !== null)?.record ?? NOTHING) ?? null;
  return {
    host: holder.source.host,
    instance_id,
    function: tenure.function,
    region_id,
    tenure,
    baseline_bytes: holder.record.baseline_bytes ?? null,
    plugged_bytes: last(({ vmm_bytes }) => vmm_bytes),
    permit_bytes: last(({ kind, to_bytes }) => (kind === 'permit' ? to_bytes : null)),
    changes: changesOf(graph, own, instance_id),
    end: endOf(graph, own, instance_id),
    before: neighbour(tenures[at - 1]),
    after: neighbour(tenures[at + 1]),
  };
}

const NOTHING: LedgerRecord = { seq: 0, at_ms: 0, kind: 'end', cause_seq: [], hash: '' };

/** The record with which it got its region. */
function holderOf(graph: LedgerGraph, name: string): Entry | null {
  let found: Entry | null = null;
  for (const entry of graph.entries) {
    const { kind, instance_id } = entry.record;
    if (kind !== 'holder' && kind !== 'resumed') continue;
    if (!graph.isNamed(entry.source, instance_id, name)) continue;
    const goes_on = kind === 'resumed' && found?.record.instance_id === instance_id;
    if (!goes_on || found?.source !== entry.source) found = entry;
  }
  return found;
}

/** Of the region and its VM, from the plug for it until somebody else has the region. */
function recordsOf(graph: LedgerGraph, holder: Entry, next: Tenure | undefined): Entry[] {
  const { source, record } = holder;
  const { vm_id, region_id, instance_id } = record;
  // The step that gave it the region began with the permit and the plug for it.
  const first_seq = Math.min(record.seq, ...stepOf(graph, holder));
  const other = next && graph.find(source, next.seq);
  const until_seq = other ? Math.min(other.record.seq, ...stepOf(graph, other)) : Infinity;
  return graph.entries.filter((entry) => {
    const { seq, vm_id: vm, region_id: region, instance_id: instance, kind } = entry.record;
    if (entry.source !== source || seq < first_seq || seq >= until_seq) return false;
    if (region === undefined) return vm === vm_id && kind === 'vm-gone';
    return region === region_id && (instance === undefined || instance === instance_id);
  });
}

/** Records about its region that came with it, and of which it comes. */
function stepOf(graph: LedgerGraph, { source, record }: Entry): number[] {
  const found: number[] = [];
  const left = [...record.cause_seq];
  for (const seq of left) {
    const cause = graph.find(source, seq)?.record;
    if (cause?.region_id !== record.region_id || cause?.at_ms !== record.at_ms) continue;
    found.push(seq);
    left.push(...cause.cause_seq);
  }
  return found;
}

function answersTo(graph: LedgerGraph, entry: Entry): Answered[] {
  const region_id = entry.record.region_id;
  return graph.causesOf(entry).flatMap(({ record, wall_ms }) =>
    answersOf(record)
      // Others of the same step are about other memory.
      .filter((one) => one.region_id === undefined || one.region_id === region_id)
      .map((one) => ({ ...one, policy: record.policy ?? '', seq: record.seq, wall_ms })),
  );
}

const ENDS = new Set<LedgerRecord['kind']>(['populated', 'grown', 'shrunk', 'emptied']);

function changesOf(graph: LedgerGraph, own: readonly Entry[], instance_id: string): StoryChange[] {
  const found = new Map<string, StoryChange>();
  for (const entry of own) {
    const { record, wall_ms } = entry;
    const { kind, operation_id = `#${record.seq}` } = record;
    if (record.instance_id !== instance_id) continue;
    const known = found.get(operation_id);
    if (kind === 'plug' || kind === 'unplug' || kind === 'denied') {
      found.set(operation_id, changeOf(entry, answersTo(graph, entry)));
    } else if (known && ENDS.has(kind)) {
      const { vmm_bytes = null, outcome = null, code = null, reason = null } = record;
      Object.assign(known, { ended_ms: wall_ms, plugged_bytes: vmm_bytes, outcome, code, reason });
    }
  }
  return [...found.values()];
}

function changeOf({ record, wall_ms }: Entry, answers: readonly Answered[]): StoryChange {
  const { kind, seq, operation_id = null, cause = null, from_bytes = null, bytes } = record;
  const is_denied = kind === 'denied';
  return {
    seq,
    operation_id,
    cause,
    decided_ms: wall_ms,
    ended_ms: is_denied ? wall_ms : null,
    from_bytes,
    to_bytes: record.to_bytes ?? bytes ?? null,
    plugged_bytes: null,
    outcome: is_denied ? 'denied' : null,
    code: record.code ?? null,
    reason: record.reason ?? null,
    answers,
  };
}

/** What ended it, the first of it: a fault, the stop that was decided, or the end of its VM. */
function endOf(graph: LedgerGraph, own: readonly Entry[], instance_id: string): Story['end'] {
  const gone = own.findLast(({ record: { kind } }) => kind === 'exit' || kind === 'vm-gone');
  const decided = own.findLast(({ record }) => record.kind === 'stop');
  const fault = own.findLast(
    ({ record }) => record.kind === 'fault' && record.instance_id === instance_id,
  );
  const end = fault ?? decided ?? gone;
  if (!end || (!gone && !fault && !decided)) return null;
  const answers = decided ? answersTo(graph, decided) : [];
  return { why: explainEntry(graph, instance_id, end), answers };
}

function neighbour(tenure: Tenure | undefined): Neighbour | null {
  if (!tenure) return null;
  const { instance_id, from_ms, handover } = tenure;
  return { function: tenure.function, instance_id, from_ms, handover };
}
