/** Random hosts whose instances open spans: whatever comes between, all of it comes back. */
import test from 'ava';
import fc from 'fast-check';
import type { Action } from '../../../agent/model/actions.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { DEFAULT_QUEUE } from '../../../agent/model/operation-queue.ts';
import { NO_NAMED_SPANS, spanByteMsAt } from '../../../agent/model/span-tally.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { FAULTS } from './outcomes.ts';
import { World } from './world.ts';

const SPANS = [
  { name: 'x', max_bytes: 128 * MIB, host_node: null },
  { name: 'y', max_bytes: 32 * MIB, host_node: 1 },
];
/** Enough for two of the second at once. */
const LIMITS = [{ node: 1, bytes: 64 * MIB }];

const index = fc.nat(8);
const span = fc.constantFrom('x', 'y', 'unknown');
/** Which asking, as far as its guest tells it; a close may be of an earlier one. */
const serial = fc.constantFrom(null, 1, 2, 3);

const MOVES = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('ask' as const),
        index,
        span,
        serial,
        mib: fc.constantFrom(1, 30, 128, 200),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('close' as const), index, span, serial }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        kind: fc.constant('complete' as const),
        index: fc.nat(20),
        fault: fc.oneof(
          { weight: 8, arbitrary: fc.constant('none' as const) },
          { weight: 2, arbitrary: fc.constantFrom(...FAULTS) },
        ),
      }),
    },
    { weight: 4, arbitrary: fc.constant({ kind: 'invoke' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'drain' as const }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('exit' as const), index }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(6_000) }),
    },
  ),
  { maxLength: 80, size: 'max' },
);
type Move = (typeof MOVES extends fc.Arbitrary<infer T> ? T : never)[number];

function play(world: World, one: Move, requests: string[]): void {
  if (one.kind === 'complete') return world.complete(one.index, one.fault);
  if (one.kind === 'advance') return world.advance(one.ms);
  if (one.kind === 'restart') return world.restart();
  if (one.kind === 'invoke') return void requests.push(world.invoke('f'));
  if (one.kind === 'drain') return void requests.push(world.drain('f'));
  const all = world
    .vmsOf('f')
    .flatMap(({ id, instances }) => instances.map((instance) => ({ vm_id: id, instance })));
  const found = all[one.index % Math.max(1, all.length)];
  if (!found) return;
  const about = { vm_id: found.vm_id, instance_id: found.instance.id };
  if (one.kind === 'close')
    return void world.send({ type: 'span-closed', ...about, span: one.span, serial: one.serial });
  if (one.kind === 'exit') {
    const how = { reason: 'crash', status: null, signal: 11 } as const;
    return void world.send({ type: 'instance-exited', ...about, ...how });
  }
  const asked = { span: one.span, serial: one.serial, bytes: one.mib * MIB, said_at_ms: null };
  world.send({ type: 'span-asked', ...about, ...asked });
}

/** A region of a span has a holder only as long as somebody has asked for it, or an end is due. */
function checkSpans(world: World): void {
  for (const { id, regions } of world.vmsOf('f')) {
    for (const { holder, named, of_spans, id: region_id } of regions) {
      const where = `${id}/${region_id}`;
      if (!of_spans && named) throw new Error(`${where} is no region of a span`);
      if (!named) continue;
      if (named.opened_at_ms !== null && holder !== `${named.instance_id}/${named.name}`) {
        throw new Error(`${where} is open, and ${holder} holds it`);
      }
    }
  }
}

const sum = (parts: readonly number[]): number => parts.reduce((total, one) => total + one, 0);

/** What the regions of spans have, and which are open, as the rows say it. */
function bookOf(world: World) {
  const regions = world.vmsOf('f').flatMap((vm) => vm.regions.filter(({ of_spans }) => of_spans));
  const open = regions.flatMap(({ named }) => (named?.opened_at_ms == null ? [] : [named]));
  return {
    open: open.length,
    open_bytes: sum(open.map(({ bytes }) => bytes)),
    plugged_bytes: sum(regions.map(({ plugged_bytes }) => plugged_bytes)),
  };
}

/** The tally of a function, held after every step against its rows and what its guests are told. */
class Ledger extends World {
  #byte_ms = 0;
  #until_ms = 0;
  #plugged_bytes = 0;

  override send(event: HostEvent): Action[] {
    const then_ms = this.now_ms;
    const actions = super.send(event);
    this.#byte_ms += this.#plugged_bytes * (then_ms - this.#until_ms);
    const { open, open_bytes, plugged_bytes } = bookOf(this);
    this.#until_ms = then_ms;
    this.#plugged_bytes = plugged_bytes;
    const fn = this.state.functions.get('f');
    if (!fn) return actions;
    const told = (type: Action['type']): number =>
      this.actions.filter((one) => one.type === type).length;
    const tally = fn.named_spans ?? NO_NAMED_SPANS;
    const counted = { ...tally, open: tally.opened - tally.closed };
    const byte_ms = spanByteMsAt(tally, then_ms);
    const [opened, denied] = [told('open-span'), told('refuse-span')];
    const true_ones = { open, open_bytes, plugged_bytes, opened, denied };
    for (const [name, value] of Object.entries(true_ones)) {
      const said: unknown = Object.entries(counted).find(([key]) => key === name)?.[1];
      if (said === value) continue;
      throw new Error(`${name} is ${value}: ${JSON.stringify(counted)}`);
    }
    if (byte_ms !== this.#byte_ms) throw new Error(`${byte_ms} byte ms, not ${this.#byte_ms}`);
    if ((tally.last_denied === null) !== (denied === 0)) throw new Error('denied for a reason');
    return actions;
  }
}

const host = fc.record({
  gib: fc.constantFrom(0.5, 0.75, 4),
  step_bytes: fc.constantFrom(null, 32 * MIB),
  whole_ms: fc.constantFrom(0, 50),
  at_once_max: fc.constantFrom(null, 1, 2),
});

test('random spans and faults: book above plugged, all counted, and nothing is left', async (t) => {
  const property = fc.property(MOVES, host, (moves, { gib, ...queue }) => {
    const world = new Ledger(gib * GIB, {
      node_limits: LIMITS,
      queue: { ...DEFAULT_QUEUE, ...queue },
    });
    const requests = [world.deploy('f', 'hotmem', { spans: SPANS, max_vms: 2 })];
    for (const one of moves) {
      play(world, one, requests);
      checkSpans(world);
    }
    // A guest whose calls are over has closed its spans.
    requests.push(world.drain('f'));
    world.quiesce();
    for (const { id, instances, regions, phase } of world.vmsOf('f')) {
      if (phase !== 'running') continue;
      const kept = regions.filter(({ permit_bytes }) => permit_bytes > 0);
      const open = kept.filter(({ holder }) => holder !== null);
      if (instances.length === 0 && open.length > 0)
        throw new Error(`${id}: a span without holder`);
    }
    requests.push(world.remove('f', 0));
    world.quiesce();
    for (const id of requests) if (!world.reply(id)) throw new Error(`${id}: no answer`);
    if (world.state.vms.size > 0) throw new Error('a VM is left');
    if (world.state.operations.size > 0) throw new Error('an operation never ended');
  });
  await holds(t, property, { runs: 400 });
});
