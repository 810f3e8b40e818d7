/** What is decided is done in its order, and nothing is after the end. */
import test from 'ava';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { Decider } from '../../../agent/executor/decider.ts';
import { emptyHost } from '../../../agent/model/state.ts';
import { NO_ROWS } from '../../../agent/store/state-file.ts';
import { GIB } from '../../../base/units.ts';
import { FakeClock } from '../../fakes/clock.ts';

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
