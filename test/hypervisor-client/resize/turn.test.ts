/** Who goes first where one region moves at a time, with a clock that stands. */
import test from 'ava';
import { LIMITS } from '../../../base/limits.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { VMM_LIMITS } from '../../../hypervisor-client/limits.ts';
import { type Hold, Turn } from '../../../hypervisor-client/resize/turn.ts';
import { FakeClock } from '../../fakes/clock.ts';

const LONG_MS = 60_000;

/**
 * A turn and who has had it: `move` asks for it and keeps it until `end` is called with its name.
 */
function rig() {
  const clock = new FakeClock();
  const turn = new Turn(clock);
  const begun: string[] = [];
  const holds = new Map<string, Hold>();
  const ends = new Map<string, () => void>();
  const move = async (name: string, urgent: boolean, deadline_ms = LONG_MS) => {
    const result = await turn.take({ urgent, deadline_ms }, async (hold) => {
      begun.push(name);
      holds.set(name, hold);
      const ended = Promise.withResolvers<void>();
      ends.set(name, ended.resolve);
      await ended.promise;
      return name;
    });
    return result;
  };
  const isWanted = (name: string): boolean => holds.get(name)?.isWanted() ?? false;
  const pass = async (name: string, ms: number) => (await holds.get(name)?.pass(ms)) ?? null;
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    await clock.advance(0);
  };
  return { clock, turn, begun, move, isWanted, pass, end };
}

test('plugs go before unplugs that came shortly before them, and else in order', async (t) => {
  const { clock, begun, move, end } = rig();
  const all = [move('first', true), move('unplug-1', false), move('plug-1', true)];
  await clock.advance(VMM_LIMITS.unplugs_wait_ms + 1);
  all.push(move('plug-2', true), move('unplug-2', false));
  for (const name of ['first', 'plug-1', 'unplug-1', 'plug-2', 'unplug-2']) await end(name);
  await Promise.all(all);
  t.deepEqual(begun, ['first', 'plug-1', 'unplug-1', 'plug-2', 'unplug-2']);
});

test('an unplug lets a plug go first soon, another unplug later, and has its turn again', async (t) => {
  const { clock, begun, move, isWanted, pass, end } = rig();
  const slow = move('slow', false);
  await clock.advance(VMM_LIMITS.turn_beside_unplugs_ms * 2);
  t.false(isWanted('slow'), 'nobody waits');
  const other = move('other', false);
  await clock.advance(0);
  t.true(isWanted('slow'), 'it had its time');
  const passed = pass('slow', LONG_MS);
  await clock.advance(0);
  t.deepEqual(begun, ['slow', 'other']);
  const plug = move('plug', true);
  await clock.advance(VMM_LIMITS.turn_ms - 1);
  t.false(isWanted('other'));
  await clock.advance(1);
  t.true(isWanted('other'), 'a plug waits');
  await end('other');
  t.deepEqual(begun, ['slow', 'other', 'plug']);
  await end('plug');
  t.true(await passed);
  t.false(isWanted('slow'));
  await end('slow');
  t.deepEqual(await Promise.all([slow, other, plug]), ['slow', 'other', 'plug']);
});

test('a plug keeps its turn to the end, whoever waits', async (t) => {
  const { clock, move, isWanted, end } = rig();
  const all = [move('plug', true), move('unplug', false), move('next', true)];
  await clock.advance(10 * VMM_LIMITS.turn_beside_unplugs_ms);
  t.false(isWanted('plug'));
  for (const name of ['plug', 'next', 'unplug']) await end(name);
  await Promise.all(all);
});

test('who let others go first and did not have its turn again holds it no more', async (t) => {
  const { clock, begun, move, pass, end } = rig();
  const slow = move('slow', false);
  const plug = move('plug', true);
  await clock.advance(VMM_LIMITS.turn_ms);
  const passed = pass('slow', 50);
  const last = move('last', true);
  await clock.advance(50);
  t.false(await passed);
  await end('slow');
  t.deepEqual(begun, ['slow', 'plug'], 'the turn is of the plug still');
  await end('plug');
  t.deepEqual(begun, ['slow', 'plug', 'last']);
  await end('last');
  await Promise.all([slow, plug, last]);
});

test('a turn that does not come in time is never had, and only so many wait for one', async (t) => {
  const { clock, begun, move, end } = rig();
  const first = move('first', true);
  const late = move('late', true, 100);
  await clock.advance(100);
  t.is(await late, null);
  const waiting = Array.from({ length: LIMITS.regions_per_vm }, () => move('w', true, 10));
  const error = await t.throwsAsync(move('one too many', true));
  t.true(hasCode(error, 'HP_VMM_BUSY'), String(error));
  await clock.advance(10);
  t.true((await Promise.all(waiting)).every((result) => result === null));
  await end('first');
  t.is(await first, 'first');
  t.deepEqual(begun, ['first']);
});

test('a turn goes on when the one who has it fails', async (t) => {
  const { clock, turn, begun, move, end } = rig();
  const failing = turn.take({ urgent: true, deadline_ms: LONG_MS }, async () => {
    await clock.sleep(1);
    throw new Error('it broke');
  });
  const next = move('next', true);
  const failed = t.throwsAsync(failing, { message: 'it broke' });
  await clock.advance(1);
  await failed;
  await end('next');
  t.is(await next, 'next');
  t.deepEqual(begun, ['next']);
});
