/** Functions on a bridge: who has which addresses, and when there are none. */
import test from 'ava';
import { listInstances } from '../../../agent/observe/lists.ts';
import { functionStatus } from '../../../agent/observe/status.ts';
import { parseBridges } from '../../../agent/model/network.ts';
import type { FunctionSpec } from '../../../agent/model/spec.ts';
import { hostOf, perTable, rowsBetween } from '../../../agent/store/rows.ts';
import { emptyHost } from '../../../agent/model/state.ts';
import { GIB } from '../../../base/units.ts';
import { finish } from './actions.ts';
import { SERVER, World } from './world.ts';

/** Room for eight instances: 10.0.0.8 to 10.0.0.15. */
const bridges = parseBridges('br0=10.0.0.1/24:10.0.0.8/29') ?? [];
const FIRST = 0x0a_00_00_08;
const on = (bridge: string, part: Partial<FunctionSpec> = {}): Partial<FunctionSpec> => ({
  network: { bridge },
  program: SERVER,
  ...part,
});
const world = (): World => new World(32 * GIB, { bridges });
const firstOf = (one: World, name: string): (number | null)[] =>
  one.vmsOf(name).map(({ network }) => network?.first ?? null);

test('each VM has as many addresses as instances, and no two VMs share one', (t) => {
  const here = world();
  for (const name of ['f', 'g']) here.deploy(name, 'hotmem', on('br0', { concurrency: 3 }));
  here.deploy('h', 'hotmem', { concurrency: 3 });
  finish(here);
  t.deepEqual(firstOf(here, 'f'), [FIRST]);
  t.deepEqual(firstOf(here, 'g'), [FIRST + 3]);
  t.deepEqual(firstOf(here, 'h'), [null], 'none without a network');
});

test('each instance is listed with the address that it has, and one without a network with none', (t) => {
  const here = world();
  here.deploy('f', 'hotmem', on('br0', { concurrency: 3, keep_alive_ms: 60_000 }));
  here.deploy('h', 'hotmem', { keep_alive_ms: 60_000 });
  finish(here);
  for (const name of ['f', 'f', 'h']) here.invoke(name);
  finish(here);
  const asked = { function: null, vm_id: null, state: null, page_size: 10, page_token: null };
  const told = listInstances(here.state, asked).rows.map((row) => [row.function, row.address]);
  t.deepEqual(told, [
    ['f', '10.0.0.8'],
    ['f', '10.0.0.9'],
    ['h', null],
  ]);
});

test('status tells the same, region by region, though nobody of the VM answers', (t) => {
  const here = world();
  here.deploy('f', 'hotmem', on('br0', { concurrency: 3, keep_alive_ms: 60_000 }));
  here.deploy('h', 'hotmem', { keep_alive_ms: 60_000 });
  finish(here);
  for (const name of ['f', 'f', 'h']) here.invoke(name);
  finish(here);
  const told = [...here.state.functions.values()].map((fn) => {
    const vms = here.vmsOf(fn.spec.name);
    const silent = { source: undefined, seen: null, stats: null, unanswered: [] };
    const { regions } = functionStatus(
      fn,
      vms.map((vm) => ({ vm, ...silent })),
      { config: here.state.config, now_ms: 0 },
    );
    return regions.map(({ address }) => address);
  });
  t.deepEqual(told[0], ['10.0.0.8', '10.0.0.9', null]);
  t.true(told[1]?.every((address) => address === null));
});

test('a pool without room refuses the VM, and what a VM had comes back when it is gone', (t) => {
  const here = world();
  here.deploy('f', 'hotmem', on('br0', { concurrency: 5 }));
  finish(here);
  const spec = on('br0', { concurrency: 4 });
  const refused = here.reply(here.deploy('g', 'hotmem', spec));
  t.like(refused, { kind: 'error', failure: { code: 'HP_AGENT_NO_ADDRESS' } });
  t.is(here.state.functions.get('g'), undefined);
  here.remove('f');
  finish(here);
  here.deploy('g', 'hotmem', spec);
  finish(here);
  t.deepEqual(firstOf(here, 'g'), [FIRST]);
});

test('a second VM of a function is launched only where there are addresses for it', (t) => {
  const here = world();
  here.deploy('f', 'hotmem', on('br0', { concurrency: 4, max_vms: 3 }));
  finish(here);
  for (let count = 0; count < 12; count += 1) here.invoke('f');
  finish(here);
  t.deepEqual(firstOf(here, 'f'), [FIRST, FIRST + 4], 'there is no room for a third');
});

test('a network that cannot be is refused at deploy, with what is missing', (t) => {
  const here = world();
  const wrong: readonly (readonly [Partial<FunctionSpec>, RegExp])[] = [
    [on('br1'), /'br1' is not among the bridges .* \(br0\)/],
    [on('br0', { concurrency: 9 }), /the pool of 'br0' has 8 addresses/],
    [on('br0', { program: null }), /runs no program of a package/],
  ];
  for (const [part, message] of wrong) {
    const reply = here.reply(here.deploy('f', 'hotmem', part));
    t.like(reply, { kind: 'error', failure: { code: 'HP_AGENT_NO_NETWORK' } });
    t.regex(reply?.kind === 'error' ? reply.failure.message : '', message);
  }
});

/** Of which a store that was never written to has none. */
const none = (keys: Iterable<string>) => new Map([...keys].map((key) => [key, null]));

test('the next agent knows the addresses of a VM, whatever its configuration says by then', (t) => {
  const here = world();
  here.deploy('f', 'hotmem', on('br0', { concurrency: 3 }));
  finish(here);
  const { functions, vms } = here.state;
  const all = { functions: none(functions.keys()), vms: none(vms.keys()), operations: new Map() };
  const rows = perTable(() => new Map<string, string>());
  for (const { table, key, row } of rowsBetween(emptyHost(GIB), here.state, all)) {
    if (row !== null) rows[table].set(key, row);
  }
  const next = hostOf(rows, 32 * GIB, { bridges: [] });
  const [vm] = here.vmsOf('f');
  t.deepEqual(next.vms.get(vm?.id ?? '')?.network, vm?.network);
  t.is(vm?.network?.first, FIRST);
});
