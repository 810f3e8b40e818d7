/** Random hosts: whatever callers, guests, VMMs and policies do, the promises of the core hold. */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { StepContext } from '../../../agent/core/draft.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import { DEFAULT_QUEUE } from '../../../agent/model/operation-queue.ts';
import { vmSpec } from '../../../agent/model/state.ts';
import { POOL_POLICY } from '../../../autoscaler/policy/pool.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { chaosPolicy } from './chaos-policy.ts';
import { DAG_MOVES, KEEP_BYTES, type Move, MOVES, NAMES, play } from './moves.ts';
import { World } from './world.ts';

/** Nothing that can end is left half way: no instance, no wait, nothing under way or plugged. */
function checkQuiet(world: World): void {
  for (const { spec, queue, waiters, phase } of world.functions()) {
    if (queue.length > 0) throw new Error(`${spec.name}: an invocation waits for ever`);
    if (phase === 'serving' && waiters.drain.length > 0) throw new Error('a drain waits for ever');
  }
  for (const vm of world.state.vms.values()) {
    const { id, phase, instances, regions } = vm;
    if (phase !== 'running') continue;
    if (instances.length > 0) throw new Error(`stuck instance in ${id}`);
    const fn = world.state.functions.get(vm.function);
    // Where no VM of a later definition comes up, one of an earlier goes on as it was launched.
    const fixed = fn && vmSpec(fn, vm).mechanism === 'static';
    if (!fixed && regions.some(({ permit_bytes }) => permit_bytes > 0)) {
      throw new Error(`${id}: memory is kept for nobody`);
    }
  }
  for (const { spec, update } of world.functions()) {
    if (update && update.requests.length > 0)
      throw new Error(`${spec.name}: an update waits for ever`);
  }
  if (world.state.operations.size > 0) throw new Error('an operation never ended');
}

/**
 * Plays the moves with one policy, goes on with the default one, and ends everything: one answer to
 * every request, and nothing left. What must hold after each step is checked by World. Returns how
 * many steps of the core that were.
 */
function live(
  world: World,
  policy: Policy,
  moves: readonly Move[],
  policies: StepContext['policies'] = new Map(),
): number {
  world.context = { policy, policies, recording: true };
  const requests = play(world, moves);
  world.context = { policy: DEFAULT_POLICY, recording: false };
  world.hostMemory(null);
  requests.push(world.cordon(null));
  for (const name of NAMES) requests.push(world.setTargets(name, {}));
  for (const name of NAMES) requests.push(world.drain(name), world.invoke(name));
  world.quiesce();
  // A drain gives regions that were given up one more round.
  for (const name of NAMES) requests.push(world.drain(name));
  world.quiesce();
  checkQuiet(world);
  for (const name of NAMES) requests.push(world.remove(name));
  world.quiesce();
  for (const id of requests) if (!world.reply(id)) throw new Error(`${id}: no answer`);
  if (world.state.functions.size > 0) throw new Error('a function is left');
  if (world.state.vms.size > 0) throw new Error('a VM is left');
  if ([...world.truth.regions()].some(({ plugged_bytes }) => plugged_bytes > 0)) {
    throw new Error('plugged left');
  }
  return world.steps;
}

/** How a host is made. */
const host = fc.record({
  gib: fc.constantFrom(0.75, 1, 2, 4),
  sharing: fc.constantFrom(1, 1, 2),
  series_revision: fc.constantFrom('9', '10'),
  host_keep_bytes: fc.constantFrom(null, KEEP_BYTES),
  at_once_max: fc.constantFrom(null, null, 1, 3),
  step_bytes: fc.constantFrom(null, 128 * MIB, 256 * MIB),
  whole_ms: fc.constantFrom(0, 0, 50),
  tokens_max: fc.constantFrom(1, 8),
  by_slack: fc.constantFrom(true, true, false),
  hold_ms_per_gib_s: fc.constantFrom(null, 1, 1_000),
  yields: fc.constantFrom(true, true, false),
});

interface Made {
  readonly gib: number;
  readonly sharing: number;
  readonly series_revision: string;
  readonly host_keep_bytes: number | null;
  readonly at_once_max: number | null;
  readonly step_bytes: number | null;
  readonly whole_ms: number;
  readonly tokens_max: number;
  readonly by_slack: boolean;
  readonly hold_ms_per_gib_s: number | null;
  readonly yields: boolean;
}

function worldOf({ gib, sharing, series_revision, host_keep_bytes, ...settings }: Made): World {
  // As few as there are regions of a device: one or two.
  const queue = { ...DEFAULT_QUEUE, ...settings, tokens_first: sharing };
  const world = new World(gib * GIB, { host_keep_bytes, queue });
  world.regions_per_device = sharing;
  world.series_revision = series_revision;
  return world;
}

test('random events and faults: one answer each, book above plugged, zero after removal', async (t) => {
  let steps = 0;
  const property = fc.property(MOVES, host, (moves, of) => {
    steps += live(worldOf(of), DEFAULT_POLICY, moves);
  });
  await holds(t, property, { runs: 1_000 });
  t.log(`${steps} steps of the core`);
});

test('whatever a policy answers, growth and shrink in use included, the promises hold', async (t) => {
  let steps = 0;
  const property = fc.property(MOVES, host, fc.nat(), (moves, of, seed) => {
    steps += live(worldOf(of), chaosPolicy(seed), moves);
  });
  await holds(t, property, { runs: 1_000, lane: 1 });
  t.log(`${steps} steps of the core`);
});

const WITH_POOL = new Map([[POOL_POLICY.name, POOL_POLICY]]);

test('memory that is ready ahead of calls waits for all others, and gives way first', async (t) => {
  let steps = 0;
  const property = fc.property(MOVES, host, (moves, of) => {
    steps += live(worldOf(of), DEFAULT_POLICY, moves, WITH_POOL);
  });
  await holds(t, property, { runs: 1_000, lane: 2 });
  t.log(`${steps} steps of the core`);
});

test('with calls that are foreseen, and calls that are to be over soon, they hold', async (t) => {
  let steps = 0;
  const property = fc.property(DAG_MOVES, host, (moves, of) => {
    steps += live(worldOf(of), DEFAULT_POLICY, moves, WITH_POOL);
  });
  await holds(t, property, { runs: 500, lane: 3 });
  t.log(`${steps} steps of the core`);
});

test('and so they do whatever a policy answers', async (t) => {
  let steps = 0;
  const property = fc.property(DAG_MOVES, host, fc.nat(), (moves, of, seed) => {
    steps += live(worldOf(of), chaosPolicy(seed), moves);
  });
  await holds(t, property, { runs: 500, lane: 4 });
  t.log(`${steps} steps of the core`);
});
