/** Integrals of memory: worked out by hand for a ledger of a few records, and against a host. */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { emulated } from '../../../agent/model/work.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { meter } from '../../../ledger/meter.ts';
import { meterCsv } from '../../../ledger/meter-text.ts';
import { costOf, whatIf } from '../../../ledger/prices.ts';
import { holds } from '../../seed.ts';
import { specOf, WORK } from '../core/world.ts';
import { keepingHost } from './keeping.ts';

function near(t: ExecutionContext, value: number | null, wanted: number): void {
  t.true(Math.abs((value ?? Number.NaN) - wanted) < 1e-6, `${value} is ${wanted}`);
}

test('one call: guaranteed while it is held, boot as long as its VM is there', async (t) => {
  const { agent, clock, ledger, folder, records } = keepingHost(t);
  const spec = specOf('f', { concurrency: 1, limit_bytes: GIB, keep_alive_ms: 2_000 });
  await clock.until(agent.deploy(spec));
  await clock.until(agent.invoke('f', 'A', emulated({ ...WORK, wall_ms: 500 })));
  await clock.advance(10_000);
  await clock.until(agent.stop(0));
  ledger.close('stopped');
  const graph = LedgerGraph.read([folder]);
  const { rows, total, span } = meter(graph);
  const [row] = rows;
  t.is(rows.length, 1);
  const at = (kind: string): number => records().find((one) => one.kind === kind)?.at_ms ?? NaN;
  const held_s = (at('exit') - at('populated')) / 1_000;
  near(t, row?.guaranteed_gib_s ?? null, held_s);
  near(t, row?.above_baseline_gib_s ?? null, 0);
  // Between the end of its instance and the end of the unplug it is nobody's.
  near(t, row?.pool_gib_s ?? null, (at('emptied') - at('exit')) / 1_000);
  const there_s = (at('vm-gone') - at('launch')) / 1_000;
  near(t, row?.boot_gib_s ?? null, there_s / 4);
  const run_s = ((records().find(({ kind }) => kind === 'done')?.at_ms ?? 0) - at('run')) / 1_000;
  near(t, row?.busy_gib_s ?? null, run_s);
  near(t, row?.idle_gib_s ?? null, held_s - run_s);
  t.like(row, { plugs: 1, unplugs: 1, invocations: 1, reconciled: true });
  t.deepEqual({ ...total, host: row?.host, function: 'f' }, row);

  const [other] = whatIf(graph, rows, span);
  near(t, other?.static_gib_s ?? null, there_s);
  near(t, other?.oracle_gib_s ?? null, run_s);
  const prices = { currency: 'EUR', guaranteed: 2, above_baseline: 1, pool: 0, boot: 0 };
  if (row) near(t, costOf(row, { ...prices, operation: 1 }), 2 * held_s + 2);
  const csv = meterCsv(rows, { ...span, prices }).split('\n');
  t.regex(csv[0] ?? '', /^from_ms,to_ms,host,tenant,function,guaranteed_gib_s,.*,cost,currency$/);
  t.regex(csv[1] ?? '', /^\d+,\d+,h1,,f,.*,true,[\d.]+,EUR$/);
});

test('parts of a time add up to all of it, and functions to their host', async (t) => {
  const move = fc.record({ name: fc.constantFrom('a', 'b'), ms: fc.nat(3_000) });
  const property = fc.asyncProperty(
    fc.array(move, { maxLength: 12 }),
    fc.nat(100),
    async (moves, cut) => {
      const { agent, clock, ledger, folder } = keepingHost(t);
      for (const name of ['a', 'b']) await clock.until(agent.deploy(specOf(name)));
      for (const { name, ms } of moves) {
        void agent.invoke(name, 'x', emulated({ ...WORK, wall_ms: ms, anonymous_bytes: MIB }));
        await clock.advance(ms / 2);
      }
      await clock.advance(20_000);
      await clock.until(agent.stop(0));
      ledger.close('stopped');
      const graph = LedgerGraph.read([folder]);
      const whole = meter(graph);
      const { from_ms, to_ms } = whole.span;
      const middle_ms = from_ms + ((to_ms - from_ms) * cut) / 100;
      const parts = [meter(graph, { to_ms: middle_ms }), meter(graph, { from_ms: middle_ms })];
      const names = ['guaranteed_gib_s', 'pool_gib_s', 'boot_gib_s', 'permit_gib_s'] as const;
      for (const name of names) {
        const sum = parts.reduce((all, { total }) => all + total[name], 0);
        const rows = whole.rows.reduce((all, row) => all + row[name], 0);
        if (Math.abs(sum - whole.total[name]) > 1e-6) throw new Error(`${name}: ${sum} in parts`);
        if (Math.abs(rows - whole.total[name]) > 1e-6) throw new Error(`${name}: ${rows} in rows`);
      }
      const { total } = whole;
      const had = total.guaranteed_gib_s + total.above_baseline_gib_s + total.pool_gib_s;
      if (total.permit_gib_s + 1e-6 < had + total.boot_gib_s) throw new Error('more than granted');
      if (total.reconciled === false) throw new Error('the host held more than was given');
    },
  );
  await holds(t, property, { runs: 8 });
});
