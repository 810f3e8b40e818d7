/** The shell around the resize machine, with a VMM made up by the test and a clock that stands. */
import test from 'ava';
import { MEMORY_BLOCK_BYTES as REGION } from '../../../base/units.ts';
import {
  type ResizePort,
  resizeOwned,
  runResize,
} from '../../../hypervisor-client/resize/runner.ts';
import { vmmError } from '../../../hypervisor-client/errors.ts';
import { FakeClock } from '../../fakes/clock.ts';

const REQUEST = {
  region_id: 'r0',
  target_bytes: REGION,
  max_bytes: REGION,
  block_bytes: 2 * 1024 * 1024,
  deadline_ms: 5_000,
};

test('news of the VMM cuts a pause short, and is not listened to after the end', async (t) => {
  const clock = new FakeClock();
  let plugged_bytes = 0;
  const listeners = new Set<() => void>();
  const paused = Promise.withResolvers<void>();
  const port: ResizePort = {
    setTarget: async () => undefined,
    nudge: async () => undefined,
    look: async () => ({ plugged_bytes, resident_bytes: 0 }),
    onNews: (wake) => {
      listeners.add(wake);
      paused.resolve();
      return () => listeners.delete(wake);
    },
  };
  const resizing = runResize(port, REQUEST, clock);
  await paused.promise;
  plugged_bytes = REGION;
  for (const wake of listeners) wake();
  // The clock was never moved: without the news it would wait for ever.
  t.like(await resizing, { outcome: 'done', plugged_bytes: REGION });
  t.is(listeners.size, 0);
});

for (const [what, withdraws_unplug, targets] of [
  ['beside other regions of the device is taken back', true, [0, REGION]],
  ['of a device of its own keeps its target', false, [0]],
] as const) {
  test(`an unplug ${what} when a silent VMM answers again`, async (t) => {
    const clock = new FakeClock();
    const asked: number[] = [];
    let silent = false;
    const port: ResizePort = {
      setTarget: async (bytes) => {
        if (asked.at(-1) !== bytes) asked.push(bytes);
        if (bytes === 0) silent = true;
        if (silent) await stayAway(clock);
      },
      nudge: async () => undefined,
      look: async () => {
        if (silent) await stayAway(clock);
        return { plugged_bytes: REGION, resident_bytes: REGION };
      },
    };
    const request = { ...REQUEST, target_bytes: 0, block_bytes: REGION, withdraws_unplug };
    const owner = { clock, stop: new AbortController().signal, isOurs: () => true };
    const result = await clock.until(resizeOwned(port, request, owner));
    t.like(result, { outcome: 'failed', error_code: 'HP_QMP_TIMEOUT' });
    silent = false;
    await clock.advance(5_000);
    t.deepEqual(asked, targets);
  });
}

async function stayAway(clock: FakeClock): Promise<never> {
  await clock.sleep(1_000);
  throw vmmError('HP_QMP_TIMEOUT', 'No answer.');
}
