/**
 * Five hundred plugs of three functions, each with its unplug, and what they had of memory: as VMM
 * and host had it, added up beside the agent, and as the meter makes it of the ledger alone.
 */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { MIB } from '../../../base/units.ts';
import { seededRandom } from '../../../base/random.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { meter } from '../../../ledger/meter.ts';
import { PER_GIB_S } from '../../../ledger/span.ts';
import { verify } from '../../../ledger/verify.ts';
import { SEED } from '../../seed.ts';
import { specOf, WORK } from '../core/world.ts';
import { type Keeping, keepingHost } from './keeping.ts';

const CYCLES = 500;
const FUNCTIONS = ['a', 'b', 'c'] as const;
/** Everything in the simulated host happens at a multiple of it, so that looks miss nothing. */
const LOOK_MS = 5;
/** Longer than the pause between two looks of the agent at the host. */
const KEEP_ALIVE_MS = 250;

/** What stood there since the last look, times how long, in GiB s. */
class Observed {
  readonly plugged = new Map<string, number>();
  readonly resident = new Map<string, number>();

  look({ hypervisor, agent }: Keeping, for_ms: number): void {
    for (const vm of hypervisor.alive()) {
      const name = agent.state.vms.get(vm.id)?.function ?? '';
      const plugged = vm.regions.reduce((sum, { plugged_bytes }) => sum + plugged_bytes, 0);
      add(this.plugged, name, (plugged * for_ms) / PER_GIB_S);
      add(this.resident, name, (vm.residentBytes() * for_ms) / PER_GIB_S);
    }
  }
}

function add(sums: Map<string, number>, name: string, value: number): void {
  sums.set(name, (sums.get(name) ?? 0) + value);
}

/** Calls one after the other, each long enough that its region is given back before the next. */
async function caller({ agent, clock }: Keeping, name: string, random: () => number) {
  let calls = 0;
  const again = async (): Promise<void> => {
    calls += 1;
    const wall_ms = LOOK_MS * Math.floor(50 + 40 * random());
    await agent.invoke(name, `${name}${calls}`, emulated({ ...WORK, wall_ms }));
    await clock.sleep(KEEP_ALIVE_MS + LOOK_MS * Math.floor(60 + 40 * random()));
  };
  for (;;) await again();
}

test('what is metered is what VMM and host had, within the bound that is told with it', async (t) => {
  t.timeout(600_000);
  t.log(`seed ${SEED}`);
  const host = keepingHost(t);
  const { agent, clock, hypervisor, ledger, folder } = host;
  const random = seededRandom(SEED);
  const observed = new Observed();
  for (const name of FUNCTIONS) {
    const size = { concurrency: 1, limit_bytes: 128 * MIB, boot_bytes: 128 * MIB };
    const spec = specOf(name, { mechanism: 'hotmem', keep_alive_ms: KEEP_ALIVE_MS, ...size });
    await clock.until(agent.deploy(spec));
  }
  const since_ms = clock.nowMs();
  for (const name of FUNCTIONS) void caller(host, name, random).catch(() => undefined);
  while (hypervisor.done.unplug < CYCLES) {
    await clock.advance(LOOK_MS);
    observed.look(host, LOOK_MS);
  }
  const until_ms = clock.nowMs();
  await clock.until(agent.stop(0));
  ledger.close('stopped');
  t.is(verify(folder, [ledger.head]).bad, null);

  const graph = LedgerGraph.read([folder]);
  const wall_ms = (graph.entries[0]?.wall_ms ?? 0) - (graph.entries[0]?.record.at_ms ?? 0);
  const span = { from_ms: wall_ms + since_ms, to_ms: wall_ms + until_ms };
  const { rows, total } = meter(graph, span);
  t.true(total.plugs >= CYCLES && total.unplugs >= CYCLES);
  t.is(rows.length, FUNCTIONS.length);
  for (const row of rows) {
    const had = row.guaranteed_gib_s + row.above_baseline_gib_s + row.pool_gib_s;
    const vmm = observed.plugged.get(row.function) ?? Number.NaN;
    const look_gib_s = (row.plugs * 2 * 128 * MIB * LOOK_MS) / PER_GIB_S;
    const off = Math.abs(had - vmm);
    const told = `${row.function}: ${had} metered, ${vmm} at the VMM, bound ${row.error_gib_s}`;
    t.true(off <= row.error_gib_s + look_gib_s, told);
    t.true(row.error_gib_s < had / 10, `${told}: a bound that says something`);
    const seen = observed.resident.get(row.function) ?? Number.NaN;
    const resident = row.resident_gib_s ?? Number.NaN;
    const bound = (row.resident_error_gib_s ?? Number.NaN) + look_gib_s;
    const words = `${row.function}: ${resident} resident by the ledger, ${seen} seen, ${bound}`;
    t.true(Math.abs(resident - seen) <= bound, words);
    t.log(words);
    t.true(bound < seen / 10, `${words}: a bound that says something`);
    t.is(row.reconciled, true);
  }
  const all = [...observed.plugged.values()].reduce((sum, one) => sum + one, 0);
  const had = total.guaranteed_gib_s + total.above_baseline_gib_s + total.pool_gib_s;
  t.log(`${total.plugs} plugs: ${had} GiB s metered, ${all} at the VMM, +/- ${total.error_gib_s}`);
  // What is told as its bound is wide; a share that is left out is more than this.
  t.true(Math.abs(had - all) <= Math.min(total.error_gib_s, 0.01 * all));
  // What the guest counted at the end of each operation is what the VMM did.
  const ends = host.records().filter(({ kind }) => kind === 'observed');
  t.true(ends.length >= 2 * CYCLES - 2 * FUNCTIONS.length);
  t.deepEqual(
    ends.filter((one) => one.guest_bytes !== one.vmm_bytes || one.host_bytes !== one.vmm_bytes),
    [],
  );
});
