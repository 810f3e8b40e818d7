/** What each region and VM of the ledgers has at a moment: records are played until then. Pure. */
import type { Entry, LedgerGraph, Source } from './graph.ts';

/** Memory of one region, or of a VM beside its regions. */
export interface Holding {
  readonly host: string;
  readonly function: string;
  readonly vm_id: string;
  /** Null: boot memory and VMM process. */
  readonly region_id: string | null;
  instance_id: string | null;
  /** What runs there; null: nothing does. */
  invocation_id: string | null;
  request_id: string | null;
  peer: string | null;
  /** By the VMM's word; of boot memory its permit. */
  plugged_bytes: number;
  permit_bytes: number;
  baseline_bytes: number;
  is_running: boolean;
  /** The size that is being changed to; null: none is. */
  moving_to_bytes: number | null;
  /** Since when the same instance, or nobody, has it. */
  since_ms: number;
  /** The record that says so. */
  seq: number;
}

export class Holdings {
  readonly #all = new Map<string, Holding>();

  /** Those that have something, or somebody. */
  list(): Holding[] {
    return [...this.#all.values()].filter(
      (one) => one.permit_bytes > 0 || one.plugged_bytes > 0 || one.instance_id !== null,
    );
  }

  /** The one that a record is about, after `play`. */
  of({ source, record }: Entry): Holding | undefined {
    const id = record.region_id ?? record.vm_id;
    return id === undefined ? undefined : this.#all.get(keyOf(source, id));
  }

  /** Of one VM, with its boot memory. */
  ofVm(source: Source, vm_id: string): Holding[] {
    const found: Holding[] = [];
    for (const [key, one] of this.#all) {
      if (one.vm_id === vm_id && key.startsWith(`${source.folder} `)) found.push(one);
    }
    return found;
  }

  play(entry: Entry): void {
    const { source, record } = entry;
    if (record.kind === 'begin' && record.is_fresh) return this.#forget(source, null);
    const { vm_id, region_id } = record;
    if (vm_id === undefined) return;
    if (record.kind === 'vm-gone') return this.#forget(source, vm_id);
    const one = this.#made(entry, vm_id, region_id ?? null);
    if (one) change(one, entry);
  }

  #made(entry: Entry, vm_id: string, region_id: string | null): Holding | null {
    const { source, record, wall_ms } = entry;
    const key = keyOf(source, region_id ?? vm_id);
    const known = this.#all.get(key);
    if (known) return known;
    // Of a VM that is gone permits come back: that is not a holding.
    const begins = record.kind === 'permit' || record.kind === 'resumed' || region_id !== null;
    if (!begins || (record.kind === 'permit' && record.to_bytes === 0)) return null;
    const made: Holding = {
      host: source.host,
      function: record.function ?? '',
      vm_id,
      region_id,
      instance_id: null,
      invocation_id: null,
      request_id: null,
      peer: null,
      plugged_bytes: 0,
      permit_bytes: 0,
      baseline_bytes: 0,
      is_running: false,
      moving_to_bytes: null,
      since_ms: wall_ms,
      seq: record.seq,
    };
    this.#all.set(key, made);
    return made;
  }

  #forget({ folder }: Source, vm_id: string | null): void {
    for (const [key, one] of this.#all) {
      if (!key.startsWith(`${folder} `)) continue;
      if (vm_id === null || one.vm_id === vm_id) this.#all.delete(key);
    }
  }
}

const keyOf = ({ folder }: Source, id: string): string => `${folder} ${id}`;

function change(one: Holding, { record, wall_ms }: Entry): void {
  const { kind, seq } = record;
  switch (kind) {
    case 'permit':
      one.permit_bytes = record.to_bytes ?? 0;
      if (one.region_id === null) one.plugged_bytes = one.permit_bytes;
      return;
    case 'resumed':
      one.permit_bytes = record.permit_bytes ?? 0;
      one.plugged_bytes = record.vmm_bytes ?? (one.region_id === null ? one.permit_bytes : 0);
      one.baseline_bytes = record.baseline_bytes ?? one.plugged_bytes;
      if (record.instance_id !== one.instance_id)
        held(one, record.instance_id ?? null, wall_ms, seq);
      one.is_running = record.request_id !== undefined;
      one.invocation_id = record.invocation_id ?? one.invocation_id;
      one.request_id = record.request_id ?? one.request_id;
      if (record.operation_id === undefined) one.moving_to_bytes = null;
      return;
    case 'plug':
    case 'unplug':
      one.moving_to_bytes = record.to_bytes ?? null;
      return;
    case 'populated':
    case 'grown':
    case 'shrunk':
    case 'emptied':
      one.plugged_bytes = record.vmm_bytes ?? one.plugged_bytes;
      one.moving_to_bytes = null;
      return;
    case 'holder':
      one.baseline_bytes = record.baseline_bytes ?? Number.POSITIVE_INFINITY;
      return held(one, record.instance_id ?? null, wall_ms, seq);
    case 'exit':
      return held(one, null, wall_ms, seq);
    case 'run':
      one.invocation_id = record.invocation_id ?? null;
      one.request_id = record.request_id ?? null;
      one.peer = record.peer ?? null;
      one.is_running = record.ended_at_ms === undefined;
      return;
    case 'done':
      one.is_running = false;
      return;
    default:
  }
}

function held(one: Holding, instance_id: string | null, since_ms: number, seq: number): void {
  Object.assign(one, { instance_id, since_ms, seq, is_running: false });
  Object.assign(one, { invocation_id: null, request_id: null, peer: null });
}

/** What was held at that moment (ms since 1970), by the records until then. */
export function holdingsAt(graph: LedgerGraph, wall_ms: number): Holding[] {
  const holdings = new Holdings();
  for (const entry of graph.entries) {
    if (entry.wall_ms > wall_ms) break;
    holdings.play(entry);
    endRun(holdings, entry, wall_ms);
  }
  return holdings.list();
}

/** A short invocation is one record, and goes on until its end. */
function endRun(holdings: Holdings, entry: Entry, wall_ms: number): void {
  const { kind, ended_at_ms, at_ms } = entry.record;
  if (kind !== 'run' || ended_at_ms === undefined || ended_at_ms === null) return;
  const one = holdings.of(entry);
  if (one) one.is_running = entry.wall_ms + ended_at_ms - at_ms > wall_ms;
}
