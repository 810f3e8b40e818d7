/** Calls given to an instance that had ended: another one serves them, none is made twice. */
import test from 'ava';
import { GIB } from '../../../base/units.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

/** One function, of which `idle` instances stand idle. */
function hostWith(idle: number): World {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem', { concurrency: 2 });
  finish(world);
  for (let count = 0; count < idle; count += 1) world.invoke('f');
  finish(world);
  world.actions.length = 0;
  return world;
}

const fn = (world: World) => world.state.functions.get('f');

/** What its guest says of the end of the instance that serves; `ran` absent: nothing. */
function exitOf(
  world: World,
  ran?: string | null,
): Extract<HostEvent, { type: 'instance-exited' }> {
  const action = world.pending.find(({ type }) => type === 'invoke-instance');
  if (action?.type !== 'invoke-instance') throw new Error('nothing is at work');
  const { vm_id, instance_id } = action;
  const how = { reason: 'exited', status: 0, signal: null } as const;
  const about = { type: 'instance-exited', vm_id, instance_id, ...how } as const;
  return ran === undefined ? about : { ...about, ran };
}

test('a call whose instance had ended before it came is served by another one', (t) => {
  const world = hostWith(2);
  const request = world.invoke('f');
  const { asked = 0, hits } = fn(world)?.pool.warm ?? {};
  complete(world, 'invoke-instance', 'ends-before');
  t.is(world.reply(request), undefined);
  finish(world);
  t.like(world.reply(request), { outcome: 'done', cold: false });
  t.like(fn(world)?.pool.warm, { asked, hits }, 'it is counted once');
});

test('where no other one is idle it is served by a new one, whose start is cold', (t) => {
  const world = hostWith(1);
  const request = world.invoke('f');
  complete(world, 'invoke-instance', 'ends-before');
  finish(world);
  t.like(world.reply(request), { outcome: 'done', cold: true });
});

test('it keeps its place before calls that came later', (t) => {
  const world = hostWith(1);
  const [first, second, third] = [world.invoke('f'), world.invoke('f'), world.invoke('f')];
  complete(world, 'invoke-instance', 'ends-before');
  const waiting = [...(fn(world)?.queue ?? [])].map(({ request_id }) => request_id);
  t.deepEqual(waiting, [first, second, third]);
  finish(world);
  for (const one of [first, second, third]) t.like(world.reply(one), { outcome: 'done' });
});

test('a call that the program may have got fails with its end, and is not made twice', (t) => {
  for (const is_told of [true, false]) {
    const world = hostWith(2);
    const request = world.invoke('f');
    world.send(exitOf(world, is_told ? request : undefined));
    t.like(world.reply(request), {
      outcome: 'failed',
      failure: { code: 'HP_AGENT_INSTANCE_EXITED' },
    });
    finish(world);
    const given = world.actions.filter((one) => one.type === 'invoke-instance');
    t.is(given.length, 1);
  }
});

test('a call that no instance lives to get fails in the end', (t) => {
  const world = hostWith(1);
  const request = world.invoke('f');
  for (let count = 1; count <= 4; count += 1) {
    t.is(world.reply(request), undefined);
    while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
    complete(world, 'invoke-instance', 'ends-before');
  }
  t.like(world.reply(request), {
    outcome: 'failed',
    failure: { code: 'HP_AGENT_INSTANCE_EXITED' },
  });
});

test('a call of an earlier agent is not made again: what it was is gone with that one', (t) => {
  const world = hostWith(2);
  const request = world.invoke('f');
  world.restart();
  while (!world.pendingTypes().includes('await-invocation')) world.complete(0);
  const action = world.pending.find(({ type }) => type === 'await-invocation');
  if (action?.type !== 'await-invocation') throw new Error('it is waited for');
  const { vm_id, instance_id } = action;
  const how = { reason: 'exited', status: 0, signal: null, ran: null } as const;
  world.send({ type: 'instance-exited', vm_id, instance_id, ...how });
  t.like(world.reply(request), { outcome: 'failed' });
});
