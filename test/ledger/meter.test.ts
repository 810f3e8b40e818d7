/** Integrals of ledgers made by hand: what nobody saw is unknown, and what ended is over. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { GIB } from '../../base/units.ts';
import { runMeter } from '../../ledger/command.ts';
import { LedgerGraph } from '../../ledger/graph.ts';
import { meter } from '../../ledger/meter.ts';
import { readPrices, whatIf } from '../../ledger/prices.ts';
import type { LedgerWriter } from '../../ledger/writer.ts';
import { folderOf, openLedger, WALL_MS } from './made.ts';

const S = 1_000;

/** The folder of a ledger with what `write` writes into it. */
function made(t: ExecutionContext, write: (writer: LedgerWriter) => void): string {
  const folder = folderOf(t);
  const writer = openLedger(folder);
  write(writer);
  writer.close();
  return folder;
}

const about = { trust: 'agent', function: 'f', vm_id: 'vm1', cause_seq: [] } as const;

/** A VM with a region of a GiB, from `at_ms` on. */
function launch(writer: LedgerWriter, at_ms: number): void {
  writer.add({ kind: 'permit', at_ms, ...about, from_bytes: 0, to_bytes: GIB });
  writer.add({ kind: 'launch', at_ms, ...about, bytes: GIB });
  const region = { ...about, region_id: 'vm1/r0', operation_id: 'op1' } as const;
  writer.add({ kind: 'plug', at_ms, ...region, cause: 'start', from_bytes: 0, to_bytes: GIB });
}

function look(writer: LedgerWriter, at_ms: number, host_bytes: number): void {
  writer.add({ kind: 'resident', at_ms, ...about, trust: 'host', host_bytes });
}

function begin(writer: LedgerWriter, at_ms: number): void {
  writer.add({ kind: 'begin', at_ms, trust: 'agent', is_fresh: true, cause_seq: [] });
}

test('what the host holds of a VM that it was never asked about is not known, nor is the sum', (t) => {
  const folder = made(t, (writer) => {
    launch(writer, 2 * S);
    writer.add({ kind: 'vm-gone', at_ms: 12 * S, ...about });
  });
  const { rows, total } = meter(LedgerGraph.read([folder]));
  const unknown = { resident_gib_s: null, resident_error_gib_s: null, reconciled: null };
  t.like(rows, [{ function: 'f', boot_gib_s: 10, ...unknown }]);
  t.like(total, unknown);
});

test('a host that began anew has nothing of the VMs before', (t) => {
  const folder = made(t, (writer) => {
    launch(writer, 2 * S);
    look(writer, 2 * S, GIB);
    look(writer, 6 * S, GIB);
    begin(writer, 12 * S);
    launch(writer, 102 * S);
    look(writer, 102 * S, GIB);
    writer.add({ kind: 'vm-gone', at_ms: 112 * S, ...about });
  });
  const graph = LedgerGraph.read([folder]);
  const { rows, span } = meter(graph);
  // Beside what was seen last all that was granted may have been there: boot memory and a region.
  const unseen_gib_s = 6 + 10;
  t.like(rows, [{ boot_gib_s: 20, resident_gib_s: 20, resident_error_gib_s: unseen_gib_s }]);
  t.like(whatIf(graph, rows, span), [{ static_gib_s: 20 }]);
});

const REGION = { ...about, region_id: 'vm1/r0', operation_id: 'op1' } as const;

/** The region is given back, from the one time to the other. */
function giveBack(writer: LedgerWriter, from_ms: number, to_ms: number): void {
  const size = { cause: 'stop', from_bytes: GIB, to_bytes: 0 } as const;
  writer.add({ kind: 'unplug', at_ms: from_ms, ...REGION, ...size });
  writer.add({ kind: 'emptied', at_ms: to_ms, ...REGION, ...size, vmm_bytes: 0 });
}

test('what came and went between two looks of the host is within the bound', (t) => {
  const folder = made(t, (writer) => {
    launch(writer, 0);
    look(writer, 0, 0);
    // Another region, so that the first one says nothing of it.
    const other = { ...REGION, region_id: 'vm1/r1', operation_id: 'op2', cause: 'start' } as const;
    const size = { from_bytes: 0, to_bytes: GIB } as const;
    writer.add({ kind: 'plug', at_ms: 2 * S, ...other, ...size });
    writer.add({ kind: 'populated', at_ms: 3 * S, ...other, ...size, vmm_bytes: GIB });
    const back = { ...other, cause: 'stop', from_bytes: GIB, to_bytes: 0 } as const;
    writer.add({ kind: 'unplug', at_ms: 6 * S, ...back });
    writer.add({ kind: 'emptied', at_ms: 7 * S, ...back, vmm_bytes: 0 });
    look(writer, 10 * S, 0);
  });
  const { rows } = meter(LedgerGraph.read([folder]));
  // Nothing, or a GiB from its plug to the end of its unplug: 5 s.
  t.like(rows, [{ resident_gib_s: 2.5, resident_error_gib_s: 2.5 }]);
});

test('what an unplug took between two looks was there until it, and is gone after it', (t) => {
  const folder = made(t, (writer) => {
    launch(writer, 0);
    look(writer, 2 * S, GIB);
    giveBack(writer, 6 * S, 7 * S);
    look(writer, 10 * S, 0);
  });
  const { rows } = meter(LedgerGraph.read([folder]), { from_ms: WALL_MS + 2 * S });
  // A GiB for 4 s, none for 3 s; for the second in which it goes it may be either.
  t.like(rows, [{ resident_gib_s: 4.5, resident_error_gib_s: 0.5 }]);
});

test('a time that ends before it begins is refused', (t) => {
  const folder = made(t, (writer) => launch(writer, 2 * S));
  const none = { write: (): void => t.fail('nothing is told') };
  const input = { folders: [folder], json: true, stdout: none, format: 'table' } as const;
  t.throws(() => runMeter({ ...input, prices: undefined, play: null, from: '2000', to: '1500' }), {
    code: 'HP_LEDGER_TIME',
    message: /before it begins/,
  });
});

const PRICES = { currency: 'EUR', guaranteed: 1e-5, above_baseline: 2e-5, pool: 0, boot: 1e-6 };

const BAD_PRICES: Readonly<Record<string, readonly [string, RegExp]>> = {
  'no JSON': ['guaranteed: 1', /expected object/],
  'less than nothing': [JSON.stringify({ ...PRICES, pool: -1 }), /pool /],
  'more than a number': [JSON.stringify(PRICES).replace('0.00001', '1e999'), /guaranteed /],
  'a price that is missing': [JSON.stringify({ ...PRICES, boot: undefined }), /boot /],
  'a price of nothing that is metered': [JSON.stringify({ ...PRICES, idle: 1 }), /idle/],
  'no currency': [JSON.stringify({ ...PRICES, currency: '' }), /currency /],
};

test('a price file is taken whole or refused, with what is wrong', (t) => {
  const path = join(folderOf(t), 'prices.json');
  writeFileSync(path, JSON.stringify(PRICES));
  t.deepEqual(readPrices(path), PRICES);
  for (const [name, [text, message]] of Object.entries(BAD_PRICES)) {
    writeFileSync(path, text);
    t.throws(() => readPrices(path), { code: 'HP_LEDGER_PRICES', message }, name);
  }
});
