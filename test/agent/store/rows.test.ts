/** The state as rows: whatever was written and read back decides as if it had never left. */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { dumpHost } from '../../../agent/core/dump.ts';
import { countGranted } from '../../../agent/core/permits.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { Edited } from '../../../agent/core/step.ts';
import type { Action } from '../../../agent/model/actions.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { DEFAULT_QUEUE } from '../../../agent/model/operation-queue.ts';
import type { FunctionState, HostState } from '../../../agent/model/state.ts';
import { type NodeLimit, totalBytes } from '../../../agent/model/tiers.ts';
import { hostOf, rowsBetween, type StoredRows, TABLES } from '../../../agent/store/rows.ts';
import { RowsBefore } from '../../../agent/store/rows-before.ts';
import { HISTORY_POLICY } from '../../../autoscaler/policy/history.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { chaosPolicy } from '../core/chaos-policy.ts';
import { KEEP_BYTES, type Move, MOVES, NAMES, play } from '../core/moves.ts';
import { World } from '../core/world.ts';

/** The host's own memory is looked at; no order follows from what an agent learned, and forgot. */
const KEEPS = {
  host_keep_bytes: KEEP_BYTES,
  queue: { ...DEFAULT_QUEUE, tokens_max: 1, whole_ms: 0 },
};

type Rows = Record<keyof StoredRows, Map<string, string>>;

function noRows(): Rows {
  const [functions, vms, regions] = [new Map(), new Map(), new Map()];
  const [instances, operations, queue] = [new Map(), new Map(), new Map()];
  const [meta, marks, answers] = [new Map(), new Map(), new Map()];
  return { functions, vms, regions, instances, operations, queue, meta, marks, answers };
}

/** A world whose state goes into rows and comes back out of them, every so many events. */
class StoredWorld extends World {
  readonly rows = noRows();
  readonly every: number;
  #written: HostState = this.state;
  #events = 0;
  readonly #before = new RowsBefore();
  override onEdited = (edited: Edited): void => this.#before.note(edited);

  constructor(limit_bytes: number, every: number, node_limits: readonly NodeLimit[] = []) {
    super(limit_bytes, { ...KEEPS, node_limits });
    this.every = every;
  }

  override send(event: HostEvent): Action[] {
    const actions = super.send(event);
    this.#events += 1;
    if (this.#events % this.every === 0) this.#throughRows();
    return actions;
  }

  #throughRows(): void {
    for (const { table, key, row } of rowsBetween(this.#written, this.state, this.#before)) {
      if (row === null) this.rows[table].delete(key);
      else this.rows[table].set(key, row);
    }
    // What the host is, and says of itself, is told to every agent anew.
    const { capacity, config, told, pressure } = this.state;
    const read = hostOf(this.rows, totalBytes(capacity), { ...config, told, pressure });
    this.state = { ...read, granted: countGranted(read) };
    this.#written = this.state;
    this.#before.clear();
  }
}

const bytesReady = ({ pool: { plugged, warm } }: Pick<FunctionState, 'pool'>) => ({
  plugged: plugged.bytes,
  warm: warm.bytes,
});

/**
 * Only the order of functions, which means nothing, may differ: one may go and come in between. And
 * the pace of each and how good what stood ready was, which are learned anew.
 */
function textOf(state: HostState): string {
  const { functions, ...rest } = dumpHost(state);
  const named = functions
    .map((fn) => ({ ...fn, pace: null, pool: bytesReady(fn) }))
    .toSorted((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
  return JSON.stringify({ ...rest, functions: named });
}

const host = fc.record({
  gib: fc.constantFrom(1, 2, 4),
  sharing: fc.constantFrom(1, 1, 2),
  every: fc.constantFrom(1, 1, 2, 7),
  chaos: fc.option(fc.nat()),
});

/** What becomes of a promise is foretold from the pace. */
const unpromised = (one: Move): Move =>
  one.kind === 'update' ? { ...one, reclaim_slo: null, deadline_ms: null } : one;

test('a state read back from its rows, at any point, leads to the same actions and the same state', async (t) => {
  const property = fc.property(MOVES, host, (moves, { gib, sharing, every, chaos }) => {
    const policyOf = (): Policy => (chaos === null ? DEFAULT_POLICY : chaosPolicy(chaos));
    const [kept, stored] = [new World(gib * GIB, KEEPS), new StoredWorld(gib * GIB, every)];
    for (const world of [kept, stored]) {
      world.regions_per_device = sharing;
      world.series_revision = '10';
      world.context = { policy: policyOf(), recording: false };
      play(world, moves.map(unpromised));
      for (const name of NAMES) world.setTargets(name, {});
      for (const name of NAMES) world.drain(name);
      world.context = { policy: DEFAULT_POLICY, recording: false };
      world.quiesce();
    }
    t.is(JSON.stringify(stored.actions), JSON.stringify(kept.actions));
    t.is(textOf(stored.state), textOf(kept.state));
  });
  await holds(t, property, { runs: 300 });
});

test('an instance with two parts is read again with both; who knew of none has none', (t) => {
  const node_limits = [{ node: 1, bytes: GIB }];
  const world = new StoredWorld(4 * GIB, 1, node_limits);
  const tiers = { far_node: 1, share: 0.5, table: null };
  world.deploy('f', 'numa', { limit_bytes: 256 * MIB, tiers });
  world.quiesce();
  world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  const [vm] = world.vmsOf('f');
  const half_bytes = 128 * MIB;
  t.like(vm?.instances[0]?.parts, { near_bytes: half_bytes, far_bytes: half_bytes });
  t.like(vm?.regions[0], { far_index: 2, holder: vm?.instances[0]?.id });
  t.like(vm?.regions[2], { of_far: true, holder: vm?.instances[0]?.id, tier: 'node1' });
});

test('what named spans came to is written apart, and read again', (t) => {
  const world = new StoredWorld(2 * GIB, 1);
  const spans = [{ name: 'data', max_bytes: GIB, host_node: null }];
  world.deploy('f', 'hotmem', { spans });
  world.quiesce();
  world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  const [vm] = world.vmsOf('f');
  const row = world.rows.functions.get('f');
  const whose = { vm_id: vm?.id ?? '', instance_id: vm?.instances[0]?.id ?? '' };
  const about = { ...whose, serial: null, said_at_ms: null };
  world.send({ type: 'span-asked', ...about, span: 'other', bytes: 1 });
  world.send({ type: 'span-asked', ...about, span: 'data', bytes: GIB / 2 });
  world.complete(world.pendingTypes().findIndex((one) => one.startsWith('plug')));
  const { named_spans } = world.state.functions.get('f') ?? {};
  t.like(named_spans, { opened: 1, denied: 1, plugged_bytes: GIB / 2 });
  t.deepEqual(JSON.parse(world.rows.marks.get('functions/f') ?? '').named_spans, named_spans);
  t.is(world.rows.functions.get('f'), row, 'the long row of a function is not written for it');
});

test('what elastic memory came to is written apart, and read again', (t) => {
  const world = new StoredWorld(4 * GIB, 1);
  world.context = { policy: HISTORY_POLICY, recording: false };
  const sizes = { baseline_bytes: GIB / 8, increment_bytes: GIB / 16, history: false };
  const memory = { ...sizes, grow_wait_ms: 5_000, expression: null };
  world.deploy('f', 'hotmem', { limit_bytes: GIB, memory });
  world.quiesce();
  world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  const row = world.rows.functions.get('f');
  const [vm] = world.vmsOf('f');
  const want = { region_id: 'r0', used_bytes: GIB / 8, want_bytes: GIB / 16 };
  world.send({ type: 'usage', vm_id: vm?.id ?? '', regions: [want] });
  const { elastic } = world.state.functions.get('f') ?? {};
  t.is(elastic?.waits, 1);
  t.deepEqual(JSON.parse(world.rows.marks.get('functions/f') ?? '').elastic, elastic);
  t.is(world.rows.functions.get('f'), row, 'the long row of a function is not written for it');
});

test('nothing of what is gone stays in the rows', (t) => {
  const world = new StoredWorld(2 * GIB, 1);
  world.deploy('a');
  world.quiesce();
  world.invoke('a');
  world.invoke('a');
  world.invoke('a');
  t.true(world.rows.queue.size > 0);
  world.quiesce();
  world.remove('a');
  world.quiesce();
  const left = TABLES.filter((table) => table !== 'meta' && world.rows[table].size > 0);
  t.deepEqual(left, []);
});

test('a function that an earlier version left lost is due for another VM', (t) => {
  const world = new StoredWorld(2 * GIB, 1);
  world.deploy('a');
  world.quiesce();
  const { comeback, ...row } = JSON.parse(world.rows.functions.get('a') ?? '{}');
  t.is(comeback, null);
  const rows = {
    ...world.rows,
    functions: new Map([['a', JSON.stringify({ ...row, phase: 'lost' })]]),
  };
  t.deepEqual(hostOf(rows, GIB).functions.get('a')?.comeback, { failures: 0, due_at_ms: 0 });
});

test('a row that belongs to nothing is told', (t) => {
  const rows = noRows();
  rows.regions.set('vm7/0', '{"index":0}');
  t.throws(() => hostOf(rows, GIB), { message: /vm7\/0 belongs to nothing/ });
});
