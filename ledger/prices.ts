/**
 * What metered memory costs, and what it would have: by the same records, without a word of a
 * simulator. `static` has every region plugged from the start of its VM to the end. The oracle
 * knows each invocation before it comes: it has memory while something runs, and boot memory.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { parseJson } from '../base/json.ts';
import { ledgerError } from './errors.ts';
import type { Entry, LedgerGraph } from './graph.ts';
import type { Metered } from './meter.ts';
import { unreadable } from './segments.ts';
import { Tenants } from './tenants.ts';
import { PER_GIB_S, type Span } from './span.ts';

const price = z.number().nonnegative();

const pricesSchema = z.strictObject({
  currency: z.string().min(1).max(16),
  /** For a GiB s. */
  guaranteed: price,
  above_baseline: price,
  pool: price,
  boot: price,
  /** For a plug or unplug. */
  operation: price.optional(),
});
export type Prices = z.infer<typeof pricesSchema>;

/** Throws HP_LEDGER_PRICES, HP_LEDGER_UNREADABLE. */
export function readPrices(path: string): Prices {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
  const read = pricesSchema.safeParse(parseJson(text));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw ledgerError('HP_LEDGER_PRICES', `${path}: ${where} ${issue?.message ?? ''}.`, {
    details: { path },
  });
}

export function costOf(row: Metered, prices: Prices): number {
  const { guaranteed, above_baseline, pool, boot, operation = 0 } = prices;
  return (
    row.guaranteed_gib_s * guaranteed +
    row.above_baseline_gib_s * above_baseline +
    row.pool_gib_s * pool +
    row.boot_gib_s * boot +
    (row.plugs + row.unplugs) * operation
  );
}

/** The same functions, had their memory been given otherwise. */
export interface WhatIf {
  readonly host: string;
  readonly function: string;
  /** GiB s of regions, boot memory beside it the same. */
  readonly as_it_was_gib_s: number;
  readonly static_gib_s: number;
  readonly oracle_gib_s: number;
}

/** `static`: every region of a VM as large as it ever was, for as long as the VM was there. */
export function whatIf(graph: LedgerGraph, rows: readonly Metered[], span: Span): WhatIf[] {
  const held = new StaticHost(span);
  for (const entry of graph.entries) held.take(entry);
  const by_name = held.end();
  return rows.map((row) => ({
    host: row.host,
    function: row.function,
    as_it_was_gib_s: row.guaranteed_gib_s + row.above_baseline_gib_s + row.pool_gib_s,
    static_gib_s: by_name.get(nameOf(row.host, row.function, row.tenant)) ?? 0,
    oracle_gib_s: row.busy_gib_s,
  }));
}

export function sumOfWhatIf(rows: readonly WhatIf[]): WhatIf {
  const sum = (part: (row: WhatIf) => number): number =>
    rows.reduce((total, row) => total + part(row), 0);
  return {
    host: 'all',
    function: 'all',
    as_it_was_gib_s: sum((row) => row.as_it_was_gib_s),
    static_gib_s: sum((row) => row.static_gib_s),
    oracle_gib_s: sum((row) => row.oracle_gib_s),
  };
}

const nameOf = (host: string, name: string, tenant: string | null): string =>
  `${host} ${name} ${tenant ?? ''}`;

interface StaticVm {
  readonly name: string;
  readonly since_ms: number;
  readonly regions: Map<string, number>;
}

class StaticHost {
  readonly #span: Span;
  readonly #vms = new Map<string, StaticVm>();
  readonly #sums = new Map<string, number>();
  readonly #tenants = new Tenants();

  constructor(span: Span) {
    this.#span = span;
  }

  take(entry: Entry): void {
    const { source, record, wall_ms } = entry;
    const { kind, vm_id, region_id, to_bytes = 0, vmm_bytes } = record;
    this.#tenants.take(entry);
    if (kind === 'begin' && record.is_fresh) return this.#allGone(`${source.folder} `, wall_ms);
    if (vm_id === undefined) return;
    const key = `${source.folder} ${vm_id}`;
    if (kind === 'vm-gone') return this.#gone(key, wall_ms);
    const own = record.function ?? '';
    const name = nameOf(source.host, own, this.#tenants.of(source, own));
    const begins = kind === 'launch' || kind === 'resumed';
    if (begins && !this.#vms.has(key)) {
      this.#vms.set(key, { name, since_ms: wall_ms, regions: new Map() });
    }
    const vm = this.#vms.get(key);
    if (!vm || region_id === undefined) return;
    const bytes = kind === 'plug' ? to_bytes : (vmm_bytes ?? 0);
    vm.regions.set(region_id, Math.max(vm.regions.get(region_id) ?? 0, bytes));
  }

  #allGone(folder: string, at_ms: number): void {
    for (const key of this.#vms.keys()) if (key.startsWith(folder)) this.#gone(key, at_ms);
  }

  #gone(key: string, at_ms: number): void {
    const vm = this.#vms.get(key);
    this.#vms.delete(key);
    if (!vm) return;
    const { from_ms, to_ms } = this.#span;
    const for_ms = Math.min(at_ms, to_ms) - Math.max(vm.since_ms, from_ms);
    if (for_ms <= 0) return;
    let bytes = 0;
    for (const most of vm.regions.values()) bytes += most;
    this.#sums.set(vm.name, (this.#sums.get(vm.name) ?? 0) + (bytes * for_ms) / PER_GIB_S);
  }

  end(): ReadonlyMap<string, number> {
    for (const key of this.#vms.keys()) this.#gone(key, this.#span.to_ms);
    return this.#sums;
  }
}
