/**
 * An agent killed at every step of its work, one step a run: each row that it writes, before and
 * after, and each request that reaches a VMM or a guest. The next agent goes on with what is there.
 */
import test, { type ExecutionContext } from 'ava';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TABLES } from '../../../agent/store/rows.ts';
import { KillingHost } from './killing-host.ts';

/** Where a kill left a running invocation whose answer the next agent got. */
const resumed = new Set<string | null>();

async function killAt(
  t: ExecutionContext,
  folder: string,
  {
    at,
    grows,
    spans = false,
    split = false,
    retiers = false,
  }: {
    readonly at: number;
    readonly grows: boolean;
    readonly spans?: boolean;
    readonly split?: boolean;
    readonly retiers?: boolean;
  },
): Promise<string | null> {
  const host = new KillingHost(join(folder, `${at}.db`), at, grows);
  host.spans = spans;
  host.split = split;
  host.retiers = retiers;
  await host.start();
  await host.live();
  const when = `step ${at}, ${host.killed_in}`;
  if (host.killed_in === null) return null;
  host.store.close();
  await host.start();
  await host.until(() => host.agent.dump().vms.every(({ phase }) => phase === 'running'));
  host.check(t, when);
  const logged = JSON.stringify(host.answers());
  for (const id of host.done) t.true(logged.includes(`"${id}"`), `${when}: ${id} was told done`);
  t.true(await host.endsWell(host.deploy()), `${when}: the function serves`);
  host.call('after');
  await host.until(() => host.isQuiet());
  t.true(host.done.includes('after'), `${when}: a call is served: ${host.told.join('; ')}`);
  const ids = host.answers().map((one) => JSON.stringify(one).match(/"request_id":"[^"]+"/)?.[0]);
  t.is(new Set(ids).size, ids.length, `${when}: answered twice: ${ids.join()}`);
  t.true(host.isQuiet(), `${when}: nothing is stuck, and all memory came back`);
  t.true(await host.endsWell(host.agent.remove('a')), when);
  t.deepEqual(host.hypervisor.alive(), [], when);
  t.is(host.agent.grantedBytes(), 0, when);
  const rows = TABLES.filter((table) => table !== 'meta' && host.store.count(table) > 0);
  t.deepEqual(rows, [], `${when}: rows are left`);
  const done = host.answers().filter((one) => JSON.stringify(one).includes('"outcome":"done"'));
  if (done.length > host.done.length) resumed.add(host.killed_in);
  host.agent.close();
  host.store.close();
  return host.killed_in;
}

test('killed at any step, nothing is lost: VMs, permits, instances, what was told done', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const seen = new Set<string>();
  let at = 1;
  for (; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: false });
    if (killed_in === null) break;
    seen.add(killed_in);
  }
  t.log(`${at - 1} steps: ${[...seen].toSorted().join(', ')}`);
  t.true(resumed.has('guest invoke'), 'a running invocation ends under the next agent');
  for (const what of ['launch', 'plug', 'unplug', 'before a write', 'after a write']) {
    t.true(seen.has(what), what);
  }
  for (const request of ['start', 'invoke', 'stop', 'stats']) {
    t.true(seen.has(`guest ${request}`), request);
  }
});

test('killed at any step between a want and its memory, whoever waited goes on or is told', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const plugs: number[] = [];
  let at = 1;
  for (; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: true });
    if (killed_in === null) break;
    if (killed_in === 'plug') plugs.push(at);
  }
  t.log(`${at - 1} steps, plugs at ${plugs.join(', ')}`);
  t.true(plugs.length >= 3, 'a start and two growths');
});

test('killed at any step in the life of a span, it is there, or closed, or its program is told', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const steps: string[] = [];
  for (let at = 1; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: false, spans: true });
    if (killed_in === null) break;
    steps.push(killed_in);
  }
  t.log(`${steps.length} steps: ${[...new Set(steps)].toSorted().join(', ')}`);
  t.is(steps.filter((one) => one === 'guest span').length, 2, 'it was opened twice');
  t.true(steps.filter((one) => one === 'unplug').length >= 3, 'and given back');
});

test('killed at any step of instances on two nodes, both parts are held together, and come back', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const plugs: number[] = [];
  let at = 1;
  for (; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: false, split: true });
    if (killed_in === null) break;
    if (killed_in === 'plug') plugs.push(at);
  }
  t.log(`${at - 1} steps, plugs at ${plugs.join(', ')}`);
  t.is(plugs.length % 2, 0, 'two of each start');
  t.true(plugs.length >= 4);
});

test('killed at any step of a change of tiers, both parts are held together, and come back', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'hp-killed-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  const steps: string[] = [];
  for (let at = 1; at < 1_000; at += 1) {
    const killed_in = await killAt(t, folder, { at, grows: false, split: true, retiers: true });
    if (killed_in === null) break;
    steps.push(killed_in);
  }
  t.log(`${steps.length} steps: ${[...new Set(steps)].toSorted().join(', ')}`);
  t.true(steps.filter((one) => one === 'plug').length >= 3, 'a start of two parts, and a gain');
  t.true(steps.filter((one) => one === 'unplug').length >= 3, 'a part ceded, and an end of two');
});
