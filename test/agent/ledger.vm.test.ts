/** A real VMM and a real guest, and what the ledger alone tells of their memory afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { hostClock } from '../../base/clock.ts';
import { silentProgress } from '../../base/progress.ts';
import { GIB, MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { openHypervisor } from '../../hypervisor-client/index.ts';
import type { Hypervisor } from '../../hypervisor-client/vm.ts';
import { prepareImages } from '../../agent/executor/built-images.ts';
import { HostAgent } from '../../agent/executor/host-agent.ts';
import { emulated } from '../../agent/model/work.ts';
import type { Head } from '../../ledger/chain.ts';
import { LedgerGraph } from '../../ledger/graph.ts';
import { lineageOf } from '../../ledger/lineage.ts';
import { type Metered, meter } from '../../ledger/meter.ts';
import { verify } from '../../ledger/verify.ts';
import { whyOf } from '../../ledger/why.ts';
import { numberOf } from '../seed.ts';
import { specOf } from './core/world.ts';
import { ledgerIn } from './ledger/keeping.ts';
import { Observed } from './ledger/vm-observed.ts';

const LIMIT_BYTES = 256 * MIB;
const WORK = { anonymous_bytes: 100 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 200 };
const ONE_REGION = { mechanism: 'hotmem', concurrency: 1, limit_bytes: LIMIT_BYTES } as const;
const DEADLINE_MS = 120_000;

/** An agent with real VMs and a ledger. */
async function hostOf(t: ExecutionContext, hypervisor: Hypervisor) {
  const folder = await mkdtemp(join(tmpdir(), 'hp-ledger-vm-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const log = pino({ level: 'warn' });
  const signal = new AbortController().signal;
  const progress = silentProgress;
  const wanted = { mechanisms: ['hotmem'], guest_kernel: 'series', progress, signal, log } as const;
  const ledger_dir = join(folder, 'ledger');
  const ledger = ledgerIn(ledger_dir);
  const agent = new HostAgent({
    clock: hostClock,
    hypervisor,
    images: await prepareImages(wanted),
    log,
    host_limit_bytes: 4 * GIB,
    vms_dir: folder,
    version: 'test',
    ledger,
  });
  return { agent, ledger, ledger_dir };
}

/** Nothing is granted for regions any more. */
async function isEmpty(agent: HostAgent): Promise<boolean> {
  const look = async (): Promise<true | null> => {
    const [status] = (await agent.status('f')).functions;
    return status?.permits_bytes === 0 ? true : null;
  };
  const options = { clock: hostClock, deadline_ms: DEADLINE_MS, longest_pause_ms: 100 };
  return (await waitFor(look, options)) === true;
}

test.serial(
  'hotmem: A, A again, then B in one region, reconstructed from the ledger',
  async (t) => {
    t.timeout(600_000);
    const { agent, ledger, ledger_dir } = await hostOf(t, await openHypervisor('qemu'));
    try {
      await agent.deploy(specOf('f', { ...ONE_REGION, keep_alive_ms: 1_500 }));
      for (const name of ['A1', 'A2']) {
        t.is((await agent.invoke('f', name, emulated(WORK))).outcome, 'done');
      }
      t.true(await isEmpty(agent), 'the region of A was given back');
      t.is((await agent.invoke('f', 'B', emulated(WORK))).outcome, 'done');
      t.true(await isEmpty(agent), 'the region of B was given back');
    } finally {
      await agent.stop(0);
      ledger.close('stopped');
    }

    reconstructed(t, ledger_dir, ledger.head);
  },
);

function reconstructed(t: ExecutionContext, ledger_dir: string, head: Head): void {
  t.is(verify(ledger_dir, [head]).bad, null);
  const graph = LedgerGraph.read([ledger_dir]);
  const [a, b, ...more] = lineageOf(graph, 'vm1/r0');
  t.deepEqual(more, []);
  // VMM, guest and host agree: nothing of A was left when B came.
  for (const tenure of [a, b]) {
    t.like(tenure, { handover: 'clean', disagreement: null });
    t.like(tenure, { emptied: { vmm_bytes: 0 }, discarded: { host_bytes: 0 } });
    t.is(tenure?.plugged_bytes, LIMIT_BYTES);
    // A guest tells nothing of a partition that is gone.
    t.is(tenure?.guest_bytes ?? 0, 0);
  }
  t.deepEqual(
    a?.runs.map(({ invocation_id, outcome }) => [invocation_id, outcome]),
    [
      ['A1', 'done'],
      ['A2', 'done'],
    ],
  );
  t.is(a?.runs[1]?.reuse_seq, a?.runs[0]?.seq, 'A again: an edge of its own');
  t.deepEqual(
    b?.runs.map(({ invocation_id, reuse_seq }) => [invocation_id, reuse_seq]),
    [['B', null]],
  );
  const kinds = whyOf(graph, 'B').steps.map(({ entry }) => entry.record.kind);
  for (const kind of ['plug', 'permit', 'discarded', 'emptied', 'unplug', 'exit'] as const) {
    t.true(kinds.includes(kind), `B goes back to A through ${kind}`);
  }
  const { total } = meter(graph);
  t.like(total, { plugs: 2, invocations: 3, reconciled: true });
  // Where they are slow, they go in steps.
  t.true(total.unplugs >= 2);
  t.true(total.guaranteed_gib_s > 0 && total.idle_gib_s > 0);
}

/** More of them for a soak: 500 take an hour on an emulated VM. */
const CYCLES = numberOf('HOTPLANE_METER_CYCLES', 15);
const CYCLE_MS = 40_000;
/** Longer than the looks are apart, so that none of them misses a region that was plugged. */
const KEEP_ALIVE_MS = 2_500;
/** Clear of what is metered: the ledger's wall time is that of another clock, to a few ms. */
const EDGE_MS = 100;

test.serial('hotmem: what is metered is what VMM and host had, within the bound', async (t) => {
  t.timeout(CYCLES * CYCLE_MS);
  const observed = new Observed(await openHypervisor('qemu'));
  const { agent, ledger, ledger_dir } = await hostOf(t, observed.hypervisor);
  const span = { from_ms: 0, to_ms: 0 };
  try {
    await agent.deploy(specOf('f', { ...ONE_REGION, keep_alive_ms: KEEP_ALIVE_MS }));
    observed.begin();
    span.from_ms = Date.now();
    await hostClock.sleep(EDGE_MS);
    for (let call = 1; call <= CYCLES; call += 1) {
      t.is((await agent.invoke('f', `c${call}`, emulated(WORK))).outcome, 'done');
      t.true(await isEmpty(agent), `the region of call ${call} was given back`);
    }
    await hostClock.sleep(EDGE_MS);
    span.to_ms = Date.now();
  } finally {
    await observed.end();
    await agent.stop(0);
    ledger.close('stopped');
  }
  t.is(verify(ledger_dir, [ledger.head]).bad, null);
  const { total } = meter(LedgerGraph.read([ledger_dir]), span);
  agreed(t, total, observed);
});

function agreed(t: ExecutionContext, total: Metered, observed: Observed): void {
  t.like(total, { plugs: CYCLES, invocations: CYCLES, reconciled: true });
  // Where they are slow, they go in steps.
  t.true(total.unplugs >= CYCLES);
  const { plugged, resident, looks, longest_ms } = observed;
  t.log(`${looks} looks from outside, at most ${longest_ms} ms apart`);
  t.true(longest_ms < KEEP_ALIVE_MS, 'the host was too busy for the looks to say anything');
  const { error_gib_s, resident_gib_s, resident_error_gib_s } = total;
  const had = total.guaranteed_gib_s + total.above_baseline_gib_s + total.pool_gib_s;
  const sums = [
    ['plugged', had, error_gib_s, plugged],
    ['resident', resident_gib_s ?? Number.NaN, resident_error_gib_s ?? Number.NaN, resident],
  ] as const;
  for (const [what, metered, error, seen] of sums) {
    const ours = `${metered} metered +/- ${error}`;
    t.log(`${what} GiB s: ${ours}, ${seen.gib_s} seen +/- ${seen.error_gib_s}`);
    t.true(Math.abs(metered - seen.gib_s) <= error + seen.error_gib_s, what);
  }
  // A fifth of it left out would be seen, also on a busy host.
  t.true(error_gib_s + plugged.error_gib_s < had / 5);
  t.true((resident_error_gib_s ?? Number.NaN) < (resident_gib_s ?? 0) / 5);
}
