/**
 * Agents that follow one another over one ledger: killed at every step of their work, one step a
 * run, or asked to leave their VMs. The chain goes on, and tells what the state tells.
 */
import test, { type ExecutionContext } from 'ava';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { AgentClient } from '../../../agent/api/client.ts';
import { emulated } from '../../../agent/model/work.ts';
import { totalBytes } from '../../../agent/model/tiers.ts';
import type { Head } from '../../../ledger/chain.ts';
import { LedgerGraph } from '../../../ledger/graph.ts';
import { type Holding, holdingsAt } from '../../../ledger/holdings.ts';
import { lineageOf } from '../../../ledger/lineage.ts';
import { eachRecord, newestRecords } from '../../../ledger/reader.ts';
import type { LedgerRecord } from '../../../ledger/record.ts';
import { verify } from '../../../ledger/verify.ts';
import { folderOf, writeLedger } from '../../ledger/made.ts';
import { specOf, WORK } from '../core/world.ts';
import { KillingHost } from '../executor/killing-host.ts';

function recordsIn(folder: string): LedgerRecord[] {
  const found: LedgerRecord[] = [];
  eachRecord(folder, (record) => found.push(record));
  return found;
}

interface Held {
  readonly id: string;
  readonly permit_bytes: number;
  readonly instance_id: string | null;
}

const byId = (held: readonly Held[]): Held[] => held.toSorted((a, b) => (a.id < b.id ? -1 : 1));

/** What the agent's own book says is held. */
function bookOf({ agent }: KillingHost): Held[] {
  const held: Held[] = [];
  for (const vm of agent.state.vms.values()) {
    const permit_bytes = totalBytes(vm.boot_permit) + totalBytes(vm.overhead_permit);
    if (permit_bytes > 0) held.push({ id: vm.id, permit_bytes, instance_id: null });
    for (const { id, permit_bytes: bytes, holder } of vm.regions) {
      if (bytes === 0 && holder === null) continue;
      held.push({ id: `${vm.id}/${id}`, permit_bytes: bytes, instance_id: holder });
    }
  }
  return byId(held);
}

function toldBy(holdings: readonly Holding[]): Held[] {
  return byId(
    holdings.map(({ vm_id, region_id, permit_bytes, instance_id }) => {
      return { id: region_id ?? vm_id, permit_bytes, instance_id };
    }),
  );
}

const toldIn = (folder: string): Held[] =>
  toldBy(holdingsAt(LedgerGraph.read([folder]), Number.POSITIVE_INFINITY));

/** Calls that reached a guest stand in the ledger, or the next agent tells how many do not. */
function callsOf(records: readonly LedgerRecord[]): { recorded: number; lost: number } {
  const nexts = records.filter(({ kind, is_fresh }) => kind === 'begin' && !is_fresh);
  const next_seq = nexts[0]?.seq ?? Number.POSITIVE_INFINITY;
  const recorded = records
    .filter(({ seq }) => seq < next_seq)
    .filter(({ kind }) => kind === 'run').length;
  const lost = records.reduce((sum, { lost_records }) => sum + (lost_records ?? 0), 0);
  return { recorded, lost };
}

/** As at SIGTERM with --keep-vms. */
async function leave({ agent, ledger, store }: KillingHost): Promise<Head> {
  await agent.release();
  ledger?.close('the agent ended');
  store.close();
  return ledger?.head ?? { seq: 0, hash: '' };
}

interface Killed {
  readonly killed_in: string;
  readonly lost: number;
}

async function killAt(t: ExecutionContext, at: number, grows: boolean): Promise<Killed | null> {
  const folder = folderOf(t);
  const ledger_dir = join(folder, 'ledger');
  const host = new KillingHost(join(folder, 'state.db'), at, grows, ledger_dir);
  await host.start();
  const first = host.ledger;
  await host.live();
  const { killed_in } = host;
  const when = `step ${at}, ${killed_in}`;
  host.store.close();
  if (killed_in === null || !first) return null;
  const reached = host.invocations;
  const { head } = first;
  t.is(verify(ledger_dir, [head]).bad, null, `${when}: whole when it was killed`);

  await host.start();
  await host.until(() => host.agent.dump().vms.every(({ phase }) => phase === 'running'));
  await host.clock.advance(60);
  const calls = callsOf(recordsIn(ledger_dir));
  t.true(
    calls.recorded + calls.lost >= reached,
    `${when}: ${reached} calls, ${calls.recorded} recorded and ${calls.lost} told lost`,
  );
  t.deepEqual(toldIn(ledger_dir), bookOf(host), `${when}: what is held`);
  const heads = [head, await leave(host)];
  await host.start();
  await host.until(() => host.agent.dump().vms.every(({ phase }) => phase === 'running'));
  await host.clock.advance(60);
  t.deepEqual(toldIn(ledger_dir), bookOf(host), `${when}: what is held after the next`);
  t.is(callsOf(recordsIn(ledger_dir)).lost, calls.lost, `${when}: told lost once`);
  await host.endsWell(host.deploy());
  host.call('after');
  await host.until(() => host.isQuiet());
  t.true(await host.endsWell(host.agent.remove('a')), when);
  heads.push(await leave(host));
  const { bad, heads_met } = verify(ledger_dir, heads);
  t.is(bad, null, `${when}: whole afterwards`);
  t.is(heads_met, 3, `${when}: the heads of all agents are in one chain`);
  t.deepEqual(toldIn(ledger_dir), [], `${when}: all was given back`);
  return { killed_in, lost: calls.lost };
}

async function killAll(t: ExecutionContext, grows: boolean): Promise<Killed[]> {
  const all: Killed[] = [];
  for (let at = 1; at < 1_000; at += 1) {
    const killed = await killAt(t, at, grows);
    if (!killed) break;
    all.push(killed);
  }
  t.log(`${all.length} steps`);
  return all;
}

test('killed at any step, the next agent goes on with the chain and tells what was lost', async (t) => {
  const all = await killAll(t, false);
  t.true(all.length > 20);
  t.true(
    all.some(({ lost }) => lost > 0),
    'calls that waited to be written were lost',
  );
});

test('killed at any step of growth, the ledger says what is held', async (t) => {
  t.true((await killAll(t, true)).length > 20);
});

test('a VM that the state does not know is told gone: nothing of it was done', async (t) => {
  const stepsOf = async (kill_at: number): Promise<KillingHost> => {
    const folder = folderOf(t);
    const host = new KillingHost(join(folder, 'state.db'), kill_at, false, join(folder, 'ledger'));
    await host.start();
    await host.endsWell(host.deploy());
    return host;
  };
  const probe = await stepsOf(0);
  await leave(probe);
  const host = await stepsOf(probe.steps + 1);
  await host.endsWell(host.agent.deploy(specOf('b', { mechanism: 'hotmem' })));
  t.is(host.killed_in, 'before a write');
  const ledger_dir = join(host.path, '..', 'ledger');
  t.deepEqual(
    toldIn(ledger_dir).map(({ id }) => id),
    ['vm1', 'vm2'],
    'recorded before it is done',
  );
  host.store.close();
  await host.start();
  await host.until(() => host.agent.dump().vms.every(({ phase }) => phase === 'running'));
  await host.clock.advance(60);
  t.like(
    recordsIn(ledger_dir).find(({ kind }) => kind === 'vm-gone'),
    { vm_id: 'vm2' },
  );
  t.deepEqual(toldIn(ledger_dir), bookOf(host));
  await leave(host);
});

test('the newest records are found over all segments', (t) => {
  const folder = folderOf(t);
  writeLedger(folder, 50, 1_000);
  const all = recordsIn(folder);
  t.true(all.filter(({ kind }) => kind === 'segment').length > 5);
  t.deepEqual(newestRecords(folder, 1e6), all);
  const some = newestRecords(folder, 2_000);
  t.true(some.length > 2 && some.length < all.length);
  t.deepEqual(some, all.slice(-some.length));
});

test('processes killed one after the other write one chain, and each tells what is gone', async (t) => {
  t.timeout(300_000);
  const folder = folderOf(t);
  const program = new URL('whole-agent.ts', import.meta.url);
  const ledger_dir = join(folder, 'state', 'ledger');
  const heads: Head[] = [];
  for (const signal of ['SIGKILL', 'SIGKILL', 'SIGTERM'] as const) {
    const child = fork(program, [folder], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    t.teardown(() => child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    await Promise.race([once(child, 'message'), ended]);
    t.is(child.exitCode, null, 'it serves');
    const client = new AgentClient(join(folder, 'a.sock'));
    await client.deploy(specOf('a', { mechanism: 'hotmem', keep_alive_ms: 600_000 }));
    for (const id of ['c1', 'c2', 'c3']) {
      const call = { function: 'a', invocation_id: id, ...emulated(WORK) };
      t.is((await client.invoke(call)).outcome, 'done');
    }
    client.close();
    child.kill(signal);
    await ended;
    const { bad, head } = verify(ledger_dir, heads);
    // A write that was cut off is cut by the next agent.
    t.true(bad === null || bad.code === 'HP_LEDGER_TORN', JSON.stringify(bad));
    if (head) heads.push(head);
  }
  t.like(verify(ledger_dir, heads), { bad: null, heads_met: 3 });
  const records = recordsIn(ledger_dir);
  t.deepEqual(
    records.filter(({ kind }) => kind === 'begin').map(({ is_fresh }) => is_fresh),
    [true, false, false],
  );
  t.is(records.filter(({ kind }) => kind === 'launch').length, 3);
  t.is(records.filter(({ kind }) => kind === 'vm-gone').length, 3, 'two were killed with it');
  const asked = records.filter(({ kind }) => kind === 'asked').map(({ what }) => what);
  t.deepEqual(asked, ['remove'], 'a caller that leaves with its answer asked for nothing');
  const { lost, recorded } = callsOf(records);
  t.log(`${recorded} calls of the first agent recorded, ${lost} told lost later`);
  t.deepEqual(toldIn(ledger_dir), [], 'all was given back');
  const tenures = lineageOf(LedgerGraph.read([ledger_dir]), 'r0');
  t.is(tenures.filter(({ handover }) => handover === 'vm-gone').length, 2);
  t.deepEqual(
    tenures.filter(({ gone_ms }) => gone_ms === null),
    [],
    'nobody has a region of a VM that is gone until now',
  );
});
