/**
 * What each function had of the host's memory, times how long: exact integrals of what the records
 * say, and how far the truth may be from them. Pure.
 *
 * A size counts from the moment at which the VMM told it: between the decision of a change and that
 * moment it may have been anything between the two sizes, which is the bound of the error.
 */
import type { Entry, LedgerGraph, Source } from './graph.ts';
import { type Holding, Holdings } from './holdings.ts';
import { ResidentMeter } from './resident.ts';
import { Tenants } from './tenants.ts';
import { PER_GIB_S, type Span } from './span.ts';

/** GiB s, unless a name says otherwise. */
export interface Metered {
  readonly host: string;
  readonly function: string;
  readonly tenant: string | null;
  /** In use, up to what its instances began with, for certain. */
  guaranteed_gib_s: number;
  /** In use, above that. */
  above_baseline_gib_s: number;
  /** Plugged, and nobody's. */
  pool_gib_s: number;
  /** Of the first two: held by instances that had nothing to do. */
  idle_gib_s: number;
  /** Boot memory and VMM processes, by their permits. */
  boot_gib_s: number;
  /** All that was granted. */
  permit_gib_s: number;
  /** By how much the plugged sizes may be wrong: changes under way. */
  error_gib_s: number;
  plugs: number;
  unplugs: number;
  invocations: number;
  /** Their time in an instance, and what they had then. */
  busy_gib_s: number;
  /** What the host's kernel saw of its VMs, between looks; null: it was not asked about each. */
  resident_gib_s: number | null;
  /** By how much that may be wrong: what changed between two looks; null: as above. */
  resident_error_gib_s: number | null;
  /** Whether the host had no more than was given, within both bounds; null: not known. */
  reconciled: boolean | null;
}

export interface MeterReading {
  readonly span: Span;
  readonly rows: readonly Metered[];
  /** Of all functions; integrals of the host are the sums of theirs. */
  readonly total: Metered;
}

/** `span` absent: from the first record to the last. */
export function meter(graph: LedgerGraph, span: Partial<Span> = {}): MeterReading {
  const { entries } = graph;
  const whole: Span = {
    from_ms: span.from_ms ?? entries[0]?.wall_ms ?? 0,
    to_ms: span.to_ms ?? entries.at(-1)?.wall_ms ?? 0,
  };
  const metering = new Metering(whole);
  for (const entry of entries) {
    if (entry.wall_ms > whole.to_ms) break;
    metering.take(entry);
  }
  return { span: whole, ...metering.end() };
}

/** One size that stands since a moment. */
interface Level {
  since_ms: number;
  holding: Holding;
  /** As it was then: the holding itself changes. */
  plugged_bytes: number;
  permit_bytes: number;
  baseline_bytes: number;
  is_held: boolean;
  is_running: boolean;
}

class Metering {
  readonly #span: Span;
  readonly #holdings = new Holdings();
  readonly #levels = new Map<string, Level>();
  readonly #rows = new Map<string, Metered>();
  readonly #tenants = new Tenants();
  readonly #resident: ResidentMeter;

  constructor(span: Span) {
    this.#span = span;
    this.#resident = new ResidentMeter(span);
  }

  take(entry: Entry): void {
    const { record, source, wall_ms } = entry;
    const { vm_id } = record;
    this.#tenants.take(entry);
    this.#count(entry);
    this.#resident.take(entry, this.#tenants.keyOf(source, record.function ?? ''));
    if (record.kind === 'begin' && record.is_fresh) this.#closeAll(source, null, wall_ms);
    if (record.kind === 'vm-gone' && vm_id) this.#closeAll(source, vm_id, wall_ms);
    // A size is told when it was reached, not when the record of it came.
    const at_ms = this.#momentOf(entry);
    this.#holdings.play(entry);
    const holding = this.#holdings.of(entry);
    if (!holding) return;
    this.#set(entry, holding, at_ms);
    const { ended_at_ms } = record;
    if (record.kind !== 'run' || ended_at_ms === undefined || ended_at_ms === null) return;
    // A short invocation is one record, from its beginning to its end.
    this.#set(entry, { ...holding, is_running: true }, at_ms);
    this.#set(entry, holding, wall_ms + ended_at_ms - record.at_ms);
  }

  #momentOf({ record, wall_ms }: Entry): number {
    const { kind, ended_at_ms, at_ms } = record;
    const is_end = kind === 'populated' || kind === 'grown' || kind === 'shrunk';
    if (!(is_end || kind === 'emptied') || ended_at_ms === undefined) return wall_ms;
    return ended_at_ms === null ? wall_ms : wall_ms + ended_at_ms - at_ms;
  }

  #count(entry: Entry): void {
    const { kind, operation_id, from_bytes = 0, to_bytes = 0, began_at_ms, at_ms } = entry.record;
    if (entry.wall_ms < this.#span.from_ms) return;
    const row = this.#row(entry.source, entry.record.function);
    if (!row) return;
    if (kind === 'plug') row.plugs += 1;
    if (kind === 'unplug') row.unplugs += 1;
    if (kind === 'run') row.invocations += 1;
    const is_end = began_at_ms !== undefined && began_at_ms !== null && operation_id !== undefined;
    if (!is_end) return;
    row.error_gib_s += (Math.abs(to_bytes - from_bytes) * (at_ms - began_at_ms)) / PER_GIB_S;
  }

  #set({ source }: Entry, holding: Holding, at_ms: number): void {
    const key = `${source.folder} ${holding.region_id ?? holding.vm_id}`;
    const before = this.#levels.get(key);
    const moment_ms = Math.max(at_ms, before?.since_ms ?? 0);
    if (before) this.#add(source, before, moment_ms);
    const { plugged_bytes, permit_bytes, baseline_bytes, is_running, instance_id } = holding;
    const level = { plugged_bytes, permit_bytes, baseline_bytes, is_running };
    const is_held = instance_id !== null;
    this.#levels.set(key, { since_ms: moment_ms, holding, ...level, is_held });
  }

  /** What stood from `since_ms` until then. */
  #add(source: Source, level: Level, until_ms: number): void {
    const from_ms = Math.max(level.since_ms, this.#span.from_ms);
    const for_ms = Math.min(until_ms, this.#span.to_ms) - from_ms;
    const row = this.#row(source, level.holding.function);
    if (for_ms <= 0 || !row) return;
    const of = (bytes: number): number => (bytes * for_ms) / PER_GIB_S;
    const { plugged_bytes, permit_bytes, is_held, is_running } = level;
    row.permit_gib_s += of(permit_bytes);
    if (level.holding.region_id === null) {
      row.boot_gib_s += of(permit_bytes);
      return;
    }
    if (!is_held) {
      row.pool_gib_s += of(plugged_bytes);
      return;
    }
    const guaranteed_bytes = Math.min(plugged_bytes, level.baseline_bytes);
    row.guaranteed_gib_s += of(guaranteed_bytes);
    row.above_baseline_gib_s += of(plugged_bytes - guaranteed_bytes);
    if (is_running) row.busy_gib_s += of(plugged_bytes);
    else row.idle_gib_s += of(plugged_bytes);
  }

  #closeAll(source: Source, vm_id: string | null, at_ms: number): void {
    for (const [key, level] of this.#levels) {
      if (!key.startsWith(`${source.folder} `)) continue;
      if (vm_id !== null && level.holding.vm_id !== vm_id) continue;
      this.#add(source, level, at_ms);
      this.#levels.delete(key);
    }
  }

  #row(source: Source, name: string | undefined): Metered | null {
    if (name === undefined || name === '') return null;
    const key = this.#tenants.keyOf(source, name);
    const known = this.#rows.get(key);
    if (known) return known;
    const tenant = this.#tenants.of(source, name);
    const row = { ...NOTHING, host: source.host, function: name, tenant };
    this.#rows.set(key, row);
    return row;
  }

  end(): Pick<MeterReading, 'rows' | 'total'> {
    const { to_ms } = this.#span;
    for (const [key, level] of this.#levels) {
      const folder = key.slice(0, key.lastIndexOf(' '));
      this.#add({ folder, host: level.holding.host, ledger: '' }, level, to_ms);
    }
    for (const [key, row] of this.#rows) {
      const found = this.#resident.of(key, to_ms);
      row.resident_gib_s = found?.gib_s ?? null;
      row.resident_error_gib_s = found?.error_gib_s ?? null;
      row.reconciled = found === null ? null : reconciled(row);
    }
    const rows = [...this.#rows.values()].toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    return { rows, total: sumOf(rows) };
  }
}

const nameOf = (row: Metered): string => `${row.host} ${row.function} ${row.tenant ?? ''}`;

/** The host holds no more of VMs than they were granted, as far as was looked. */
function reconciled(row: Metered): boolean {
  const { error_gib_s, boot_gib_s } = row;
  const least_gib_s = (row.resident_gib_s ?? 0) - (row.resident_error_gib_s ?? 0);
  const had = row.guaranteed_gib_s + row.above_baseline_gib_s + row.pool_gib_s + boot_gib_s;
  return least_gib_s <= had + error_gib_s + ROUNDING_GIB_S;
}

/** Of sums of floating point numbers. */
const ROUNDING_GIB_S = 1e-6;

const NOTHING: Metered = {
  host: '',
  function: '',
  tenant: null,
  guaranteed_gib_s: 0,
  above_baseline_gib_s: 0,
  pool_gib_s: 0,
  idle_gib_s: 0,
  boot_gib_s: 0,
  permit_gib_s: 0,
  error_gib_s: 0,
  plugs: 0,
  unplugs: 0,
  invocations: 0,
  busy_gib_s: 0,
  resident_gib_s: null,
  resident_error_gib_s: null,
  reconciled: null,
};

function sumOf(rows: readonly Metered[]): Metered {
  const total: Metered = { ...NOTHING, host: 'all', function: 'all' };
  for (const row of rows) {
    for (const name of SUMMED) total[name] += row[name];
    if (row.reconciled !== null) total.reconciled = row.reconciled && total.reconciled !== false;
  }
  // A function that had no VM had nothing of the host; of one that had, unknown makes all unknown.
  const had = rows.filter((row) => row.resident_gib_s !== null || row.permit_gib_s > 0);
  if (had.length === 0) return total;
  total.resident_gib_s = sumOrNull(had.map((row) => row.resident_gib_s));
  total.resident_error_gib_s = sumOrNull(had.map((row) => row.resident_error_gib_s));
  return total;
}

function sumOrNull(values: readonly (number | null)[]): number | null {
  return values.reduce((sum, value) => (sum === null || value === null ? null : sum + value), 0);
}

const SUMMED = [
  ...(['guaranteed_gib_s', 'above_baseline_gib_s', 'pool_gib_s', 'idle_gib_s'] as const),
  ...(['boot_gib_s', 'permit_gib_s', 'error_gib_s', 'plugs', 'unplugs', 'invocations'] as const),
  'busy_gib_s',
] as const;
