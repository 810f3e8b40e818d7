/** Goal: every arrival is sent at its own time, however far apart they are. */
import test from 'ava';
import { sendArrivals } from '../../autoscaler/replay/open-loop.ts';
import type { PlannedArrival } from '../../autoscaler/replay/plan.ts';
import type { InvocationLine } from '../../autoscaler/results/schema.ts';
import { hostClock } from '../../base/clock.ts';
import { FakeAgent } from './fake-agent.ts';
import { EMPTY_REPLY } from './empty-messages.ts';
import { FakeClock } from './fake-clock.ts';

const DAY_MS = 86_400_000;

function arrival(number: number, at_ms: number): PlannedArrival {
  const work = { anonymous_bytes: 0, file_bytes: 0, cpu_ms: 0, wall_ms: 1 };
  const task = { kind: 'emulated', work } as const;
  return { invocation_id: `i${number}`, function: 'f', at_ms, duration_ms: 1, task };
}

test('two rows 30 days apart are not sent together, on the clock of the host', async (t) => {
  const lines: InvocationLine[] = [];
  const abort = new AbortController();
  const first = Promise.withResolvers<void>();
  const agent = new FakeAgent({ clock: hostClock, plug_ms: 1, unplug_ms: 1 });
  agent.invoke = async () => ({ ...EMPTY_REPLY, answer: null, outcome: 'done' });
  const sending = sendArrivals({
    arrivals: [arrival(1, 0), arrival(2, 30 * DAY_MS)],
    origin: { mechanism: 'static', start_ms: hostClock.nowMs() },
    agent,
    clock: hostClock,
    signal: abort.signal,
    onLine: (line) => {
      lines.push(line);
      first.resolve();
    },
  });
  await first.promise;
  // What fires at once has fired by now.
  await hostClock.sleep(60);
  t.deepEqual(
    lines.map((line) => line.invocation_id),
    ['i1'],
  );
  abort.abort();
  await t.throwsAsync(sending, { name: 'AbortError' });
});

test('each of them is sent in time when the time has come', async (t) => {
  const clock = new FakeClock();
  const lines: InvocationLine[] = [];
  const agent = new FakeAgent({ clock, plug_ms: 1, unplug_ms: 1 });
  agent.invoke = async () => ({ ...EMPTY_REPLY, answer: null, outcome: 'done' });
  const times_ms = [0, 25 * DAY_MS, 400 * DAY_MS];
  await sendArrivals({
    arrivals: times_ms.map((at_ms, index) => arrival(index, at_ms)),
    origin: { mechanism: 'static', start_ms: clock.nowMs() },
    agent,
    clock,
    signal: new AbortController().signal,
    onLine: (line) => lines.push(line),
  });
  t.deepEqual(
    lines.map((line) => line.sent_at_ms),
    times_ms,
  );
});
