/** Random hosts: whatever callers, guests and VMMs do, the promises of the core hold. */
import test from 'ava';
import fc from 'fast-check';
import { GIB } from '../../../base/units.ts';
import { MECHANISMS } from '../../../agent/model/mechanism.ts';
import { type Fault, World } from './world.ts';
import { holds } from '../../seed.ts';

const FAULTS: readonly Fault[] = [
  'none',
  'refuse',
  'partial',
  'fail',
  'vm-dies',
  'instance-exits',
  'undead',
];

type Move =
  | { kind: 'deploy'; name: string; mechanism: string; concurrency: number }
  | { kind: 'invoke' | 'drain' | 'remove' | 'cancel'; name: string }
  | { kind: 'complete'; index: number; fault: Fault }
  | { kind: 'advance'; ms: number };

const name = fc.constantFrom('a', 'b');
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('deploy' as const),
      name,
      mechanism: fc.constantFrom(...MECHANISMS.names),
      concurrency: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('invoke' as const), name }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('drain', 'remove', 'cancel' as const), name }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('complete' as const),
      index: fc.nat(20),
      fault: fc.oneof(
        { weight: 12, arbitrary: fc.constant('none' as const) },
        { weight: 3, arbitrary: fc.constantFrom(...FAULTS) },
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(3_000) }),
  },
);

function play(world: World, moves: readonly Move[]): string[] {
  const requests: string[] = [];
  for (const one of moves) {
    if (one.kind === 'complete') world.complete(one.index, one.fault);
    else if (one.kind === 'advance') world.advance(one.ms);
    else if (one.kind === 'deploy') {
      requests.push(world.deploy(one.name, one.mechanism, { concurrency: one.concurrency }));
    } else if (one.kind === 'cancel') {
      const last = requests.at(-1);
      if (last) world.cancel(one.name, last);
    } else requests.push(world[one.kind](one.name));
  }
  return requests;
}

test('random events and faults: one answer each, book above plugged, zero after removal', async (t) => {
  const property = fc.property(
    fc.array(move, { maxLength: 150, size: 'max' }),
    fc.constantFrom(1, 2, 4),
    (moves, limit_gib) => {
      const world = new World(limit_gib * GIB);
      const requests = play(world, moves);
      for (const fn of ['a', 'b']) requests.push(world.drain(fn), world.invoke(fn));
      world.quiesce();
      for (const vm of world.state.vms.values()) {
        if (vm.phase !== 'running') continue;
        if (vm.instances.length > 0) throw new Error(`stuck instance in ${vm.id}`);
      }
      for (const fn of ['a', 'b']) requests.push(world.remove(fn));
      world.quiesce();
      for (const id of requests) if (!world.reply(id)) throw new Error(`${id}: no answer`);
      if (world.state.functions.size > 0) throw new Error('a function is left');
      if ([...world.truth.regions()].some(({ plugged_bytes }) => plugged_bytes > 0)) {
        throw new Error('plugged left');
      }
    },
  );
  await holds(t, property, { runs: 1_500 });
});
