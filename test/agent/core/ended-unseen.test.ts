/** Calls of an earlier agent whose instances ended before there was another one. */
import test from 'ava';
import { GIB } from '../../../base/units.ts';
import type { FoundInstance } from '../../../agent/model/events.ts';
import { complete, finish } from './actions.ts';
import { World } from './world.ts';

/**
 * One that runs a call; its agent is killed, and the next one finds the instance as it is told.
 * `tells`: its guest says to that one how it ends, before it is asked.
 */
function killed(
  is_known: boolean,
  tells = false,
): { readonly world: World; readonly request: string } {
  const world = new World(8 * GIB);
  world.deploy('f', 'hotmem');
  finish(world);
  const request = world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  world.restart();
  const [vm] = world.vmsOf('f');
  const instances: FoundInstance[] = [];
  for (const { id } of vm?.instances ?? []) {
    if (is_known) instances.push({ instance_id: id, is_alive: false });
  }
  world.pending = world.pending.filter(({ type }) => type !== 'adopt-vm');
  const [instance] = vm?.instances ?? [];
  if (tells) {
    const how = { reason: 'exited', status: 0, signal: null, ran: null } as const;
    const whose = { vm_id: vm?.id ?? '', instance_id: instance?.id ?? '' };
    world.send({ type: 'instance-exited', ...whose, ...how });
  }
  world.send({ type: 'vm-adopted', vm_id: vm?.id ?? '', instances });
  return { world, request };
}

const FAILED = { outcome: 'failed', failure: { code: 'HP_AGENT_INSTANCE_EXITED' } };

test('an answer that an instance gave before it ended unseen is asked for', (t) => {
  const { world, request } = killed(true);
  t.deepEqual(world.pendingTypes(), ['await-invocation']);
  complete(world, 'await-invocation');
  t.like(world.reply(request), { outcome: 'done' });
  t.deepEqual(world.pendingTypes(), ['stop-instance'], 'nobody else is given to it');
});

test('where it gave none its end is told', (t) => {
  const { world, request } = killed(true);
  complete(world, 'await-invocation', 'fail');
  t.like(world.reply(request), FAILED);
  const unknown = killed(false);
  t.deepEqual(unknown.world.pendingTypes(), ['stop-instance']);
  t.like(unknown.world.reply(unknown.request), FAILED);
});

test('nor is its call given to another one, or failed, before it is asked for its answer', (t) => {
  const { world, request } = killed(true, true);
  t.is(world.reply(request), undefined);
  t.is(world.state.functions.get('f')?.queue.length, 0);
  t.deepEqual(world.pendingTypes(), ['await-invocation']);
  complete(world, 'await-invocation');
  t.like(world.reply(request), { outcome: 'done' });
});
