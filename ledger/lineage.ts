/** Who had a region, one after the other, and whether its memory was empty in between. Pure. */
import type { Entry, LedgerGraph, Source } from './graph.ts';
import { unknownName } from './graph.ts';
import type { LedgerRecord } from './record.ts';

/** One invocation that ran in the memory of a tenure. */
export interface Run {
  readonly seq: number;
  readonly request_id: string | null;
  readonly invocation_id: string | null;
  readonly peer: string | null;
  readonly nth: number;
  /** The invocation that had the same memory before, with all that it left; null: none had. */
  readonly reuse_seq: number | null;
  readonly began_ms: number;
  /** Null: it runs on, or its end was not recorded. */
  ended_ms: number | null;
  outcome: string | null;
}

/** The time for which one instance had the region. */
export interface Tenure {
  readonly host: string;
  readonly region_id: string;
  readonly function: string;
  readonly instance_id: string | null;
  /** The record of it. */
  readonly seq: number;
  readonly from_ms: number;
  /** Its process tree was gone: in the guest's words, or with its VM at the latest; null: not. */
  gone_ms: number | null;
  /** Largest that was plugged while it had it. */
  plugged_bytes: number;
  readonly runs: Run[];
  /** The VMM's word, and the host's, at the end of the unplug after it; null: not told. */
  emptied: {
    readonly seq: number;
    readonly at_ms: number;
    readonly vmm_bytes: number | null;
  } | null;
  discarded: { readonly seq: number; readonly at_ms: number; readonly host_bytes: number } | null;
  /** The guest's count then: kept, never believed alone. */
  guest_bytes: number | null;
  /** What an observer said against it. */
  disagreement: string | null;
  /**
   * What the next holder found: `clean` when VMM and host both had nothing left, `left` when one
   * had, `unknown` when one did not tell, `vm-gone` when the VM itself was ended.
   */
  handover: 'clean' | 'left' | 'unknown' | 'vm-gone' | 'held';
}

/** Throws HP_LEDGER_UNKNOWN. `name`: `vm1/r0`, or `r0` of every VM, or `host:vm1/r0`. */
export function lineageOf(graph: LedgerGraph, name: string): Tenure[] {
  const open = new Map<string, Tenure>();
  const found: Tenure[] = [];
  let is_known = false;
  for (const entry of graph.entries) {
    const { record, source } = entry;
    if (record.kind === 'begin' && record.is_fresh) endVms(open, entry, '');
    if (record.kind === 'vm-gone') endVms(open, entry, `${record.vm_id}/`);
    if (record.region_id === undefined || !isOf(graph, source, record.region_id, name)) continue;
    is_known = true;
    const key = `${source.folder} ${record.region_id}`;
    if (isOvertaken(record, open.get(key))) open.delete(key);
    const next = opened(entry, open.get(key));
    if (next) {
      open.set(key, next);
      found.push(next);
    } else note(graph, open.get(key), entry);
  }
  if (!is_known) throw unknownName(name);
  return found;
}

/** The next agent found another holder: how this one ended nobody saw. */
function isOvertaken({ kind, instance_id }: LedgerRecord, tenure: Tenure | undefined): boolean {
  if (kind !== 'resumed' || !tenure || tenure.instance_id === instance_id) return false;
  if (tenure.handover !== 'held') return false;
  // One whose exit was seen waits for its unplug.
  if (tenure.gone_ms !== null && instance_id === null) return false;
  tenure.handover = 'unknown';
  return true;
}

function isOf(graph: LedgerGraph, source: Source, region_id: string, name: string): boolean {
  return graph.isNamed(source, region_id, name) || region_id.endsWith(`/${name}`);
}

function opened({ source, record, wall_ms }: Entry, before: Tenure | undefined): Tenure | null {
  const { kind, instance_id = null, region_id = '' } = record;
  const is_new = kind === 'holder' || (kind === 'resumed' && instance_id !== null);
  if (!is_new || before?.instance_id === instance_id) return null;
  return {
    host: source.host,
    region_id,
    function: record.function ?? '',
    instance_id,
    seq: record.seq,
    from_ms: wall_ms,
    gone_ms: null,
    plugged_bytes: record.vmm_bytes ?? 0,
    runs: [],
    emptied: null,
    discarded: null,
    guest_bytes: null,
    disagreement: null,
    handover: 'held',
  };
}

/** A record about a region that has a holder, or had one. */
function note(graph: LedgerGraph, tenure: Tenure | undefined, entry: Entry): void {
  if (!tenure) return;
  const { record, wall_ms } = entry;
  const { kind, seq, vmm_bytes = null, host_bytes = null } = record;
  switch (kind) {
    case 'populated':
    case 'grown':
      tenure.plugged_bytes = Math.max(tenure.plugged_bytes, vmm_bytes ?? 0);
      return;
    case 'run':
      tenure.runs.push(runOf(graph, entry));
      return;
    case 'done':
      return ended(tenure, record, wall_ms);
    case 'exit':
      tenure.gone_ms = wall_ms;
      return;
    case 'emptied':
      tenure.emptied = { seq, at_ms: wall_ms, vmm_bytes };
      break;
    case 'discarded':
      tenure.discarded = { seq, at_ms: wall_ms, host_bytes: host_bytes ?? 0 };
      break;
    case 'observed':
      if (!tenure.emptied) return;
      tenure.guest_bytes = record.guest_bytes ?? null;
      tenure.disagreement = record.code ?? null;
      return;
    default:
      return;
  }
  tenure.handover = handoverOf(tenure);
}

function handoverOf({ emptied, discarded }: Tenure): Tenure['handover'] {
  if (!emptied || emptied.vmm_bytes === null || !discarded) return 'unknown';
  return emptied.vmm_bytes === 0 && discarded.host_bytes === 0 ? 'clean' : 'left';
}

function runOf(graph: LedgerGraph, entry: Entry): Run {
  const { record, wall_ms } = entry;
  const { seq, request_id = null, invocation_id = null, nth = 1 } = record;
  // One that waited said who asked when it came.
  const asked = graph.causesOf(entry).find((cause) => cause.record.kind === 'request');
  const peer = record.peer ?? asked?.record.peer ?? null;
  const { reuse_seq = null, ended_at_ms = null, outcome = null, at_ms } = record;
  const ended_ms = ended_at_ms === null ? null : wall_ms + ended_at_ms - at_ms;
  const about = { seq, request_id, invocation_id, peer, nth, reuse_seq };
  return { ...about, began_ms: wall_ms, ended_ms, outcome };
}

function ended({ runs }: Tenure, record: LedgerRecord, wall_ms: number): void {
  const run = runs.findLast(({ request_id }) => request_id === record.request_id);
  if (!run) return;
  run.ended_ms = wall_ms;
  run.outcome = record.outcome ?? null;
}

/** Nobody has a region of a VM that is gone; `of`: what their names begin with. */
function endVms(open: Map<string, Tenure>, { source, wall_ms }: Entry, of: string): void {
  for (const [key, tenure] of open) {
    if (!key.startsWith(`${source.folder} ${of}`)) continue;
    // What is told of its calls afterwards is told of it still.
    if (of === '') open.delete(key);
    if (tenure.handover !== 'held') continue;
    tenure.handover = 'vm-gone';
    tenure.gone_ms ??= wall_ms;
  }
}
