/** The shell around the resize machine, with a VMM made up by the test and a clock that stands. */
import test from 'ava';
import { MEMORY_BLOCK_BYTES as REGION } from '../../../base/units.ts';
import { type ResizePort, runResize } from '../../../hypervisor-client/resize/runner.ts';
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
