/** What is decided is done in its order, and nothing is after the end. */
import test from 'ava';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../../agent/core/policy.ts';
import type { Action } from '../../../agent/model/actions.ts';
import { Decider } from '../../../agent/executor/decider.ts';
import { emptyHost } from '../../../agent/model/state.ts';
import { NO_ROWS } from '../../../agent/store/state-file.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { finish } from '../core/actions.ts';
import { World } from '../core/world.ts';

const NOTHING = (): void => undefined;

/** What is done of two removals in one turn; `ends_at`: with which of them everything ends. */
async function done(ends_at: string | null, is_stored: boolean): Promise<string[]> {
  const performed: string[] = [];
  const decider = new Decider(emptyHost(GIB), {
    clock: new FakeClock(),
    recorder: null,
    store: is_stored
      ? { rows: NO_ROWS, generation: 1, write: NOTHING, tidy: NOTHING, close: NOTHING }
      : null,
    contextOf: () => ({ policy: DEFAULT_POLICY, recording: false, grants_closed: false }),
    onChanged: () => undefined,
    perform: (event) => {
      if (event.type !== 'remove') return;
      performed.push(event.request_id);
      if (event.request_id === ends_at) decider.end();
    },
    onFault: (error) => {
      throw error;
    },
  });
  for (const request_id of ['q1', 'q2']) {
    decider.dispatch({ type: 'remove', request_id, function: 'none', drain_ms: 0 });
  }
  await nextTurn();
  return performed;
}

for (const is_stored of [true, false]) {
  const how = is_stored ? 'with a store' : 'without a store';
  test(`${how}: what one event led to is done before the next, and nothing after the end`, async (t) => {
    t.deepEqual(await done(null, is_stored), ['q1', 'q2']);
    t.deepEqual(await done('q2', is_stored), ['q1', 'q2']);
    t.deepEqual(await done('q1', is_stored), ['q1']);
  });
}

test('what may wait for the disk comes a turn after what was decided was done', async (t) => {
  const order: string[] = [];
  const decider = new Decider(emptyHost(GIB), {
    clock: new FakeClock(),
    recorder: null,
    store: {
      rows: NO_ROWS,
      generation: 1,
      write: () => void order.push('write'),
      tidy: () => void order.push('tidy'),
      close: NOTHING,
    },
    contextOf: () => ({ policy: DEFAULT_POLICY, recording: false, grants_closed: false }),
    onChanged: NOTHING,
    perform: () => {
      order.push('perform');
      void Promise.resolve().then(() => order.push('asked'));
      setImmediate(() => order.push('next turn'));
    },
    onFault: (error) => {
      throw error;
    },
  });
  decider.dispatch({ type: 'remove', request_id: 'q1', function: 'none', drain_ms: 0 });
  await nextTurn();
  await nextTurn();
  t.deepEqual(order, ['write', 'perform', 'asked', 'next turn', 'tidy']);
});

/** Half of what there may be, and all of it for somebody who waits. */
const GROWER: Policy = {
  ...DEFAULT_POLICY,
  name: 'grower',
  elastic: true,
  size: ({ region }) => ({ target_bytes: region.span?.want ? GIB : GIB / 2, at_ms: null }),
};

/** A host with a busy instance that may grow. */
function elasticHost(): World {
  const world = new World(8 * GIB);
  world.context = { policy: GROWER, recording: false };
  const sizes = { baseline_bytes: GIB / 2, increment_bytes: null, history: false };
  const memory = { ...sizes, grow_wait_ms: 5_000, expression: null };
  world.deploy('f', 'hotmem', { limit_bytes: GIB, memory });
  finish(world);
  world.invoke('f');
  while (!world.pendingTypes().includes('invoke-instance')) world.complete(0);
  return world;
}

const causeOf = (one: Action): string[] => (one.type === 'resize-region' ? [one.order.cause] : []);

for (const [what, want_bytes, at_once] of [
  ['a growth that somebody waits for is written and sent before the turn is over', MIB, true],
  ['what nobody waits for is written with the rest of its turn', 0, false],
] as const) {
  test(what, async (t) => {
    const { state, context } = elasticHost();
    const order: string[] = [];
    const decider = new Decider(state, {
      clock: new FakeClock(),
      recorder: null,
      store: {
        rows: NO_ROWS,
        generation: 1,
        write: () => void order.push('write'),
        tidy: NOTHING,
        close: NOTHING,
      },
      contextOf: () => context,
      onChanged: NOTHING,
      perform: (event, actions) => order.push([event.type, ...actions.flatMap(causeOf)].join(' ')),
      onFault: (error) => {
        throw error;
      },
    });
    decider.dispatch({ type: 'remove', request_id: 'q1', function: 'none', drain_ms: 0 });
    const use = { region_id: 'r0', used_bytes: GIB / 2, want_bytes };
    decider.dispatch({ type: 'usage', vm_id: [...state.vms.keys()][0] ?? '', regions: [use] });
    t.deepEqual(order, at_once ? ['write', 'remove', 'usage grow'] : []);
    await nextTurn();
    t.deepEqual(order, ['write', 'remove', at_once ? 'usage grow' : 'usage'], 'and once');
  });
}
