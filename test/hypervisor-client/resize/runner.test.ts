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

for (const [what, change, plugs_unseen, calls, resident_bytes] of [
  ['is not looked at before, nor on the host', {}, true, ['target', 'look'], null],
  ['is looked at where the driver needs it', {}, false, ['host', 'target', 'look', 'host'], 5],
  ['smaller than that is looked at', { target_bytes: 1 }, true, ['host', 'target', 'look'], 5],
] as const) {
  test(`a plug of a region whose size is known ${what}`, async (t) => {
    const made: string[] = [];
    let plugged_bytes: number = 2;
    const port: ResizePort = {
      plugs_unseen,
      setTarget: async (bytes) => {
        made.push('target');
        plugged_bytes = bytes;
      },
      nudge: async () => undefined,
      look: async (resident) => {
        made.push(resident ? 'host' : 'look');
        return { plugged_bytes, resident_bytes: resident ? Math.min(5, plugged_bytes) : null };
      },
    };
    const clock = new FakeClock();
    const request = { ...REQUEST, known_bytes: 2, ...change };
    const result = await clock.until(runResize(port, request, clock));
    t.like(result, { outcome: 'done', before_bytes: 2 });
    if (request.target_bytes > 2) t.is(result.resident_bytes, resident_bytes);
    t.deepEqual(made.slice(0, calls.length), calls);
  });
}

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

/** A port whose guest gives back a block whenever it is looked at and asked for less. */
function slowGuest(clock: FakeClock) {
  const calls: string[] = [];
  let plugged_bytes = REGION;
  let wanted_bytes = REGION;
  const port: ResizePort = {
    setTarget: async (bytes) => {
      calls.push(`target ${bytes / REGION}`);
      wanted_bytes = bytes;
    },
    nudge: async () => undefined,
    park: async () => {
      calls.push('park');
      wanted_bytes = plugged_bytes;
    },
    look: async () => {
      await clock.sleep(1);
      if (plugged_bytes > wanted_bytes) plugged_bytes -= REQUEST.block_bytes;
      return { plugged_bytes, resident_bytes: plugged_bytes };
    },
  };
  return { port, calls };
}

const UNPLUG = { ...REQUEST, target_bytes: 0 };

test('an unplug lets others go first, carries on, and tells their time apart', async (t) => {
  const clock = new FakeClock();
  const { port, calls } = slowGuest(clock);
  let wanted = 2;
  const hold = {
    isWanted: () => wanted > 0,
    pass: async () => {
      calls.push('pass');
      wanted -= 1;
      await clock.sleep(300);
      return true;
    },
  };
  const result = await clock.until(runResize(port, { ...UNPLUG, hold }, clock));
  t.deepEqual(calls, ['target 0', 'park', 'pass', 'target 0', 'park', 'pass', 'target 0']);
  t.like(result, { outcome: 'done', plugged_bytes: 0, waited_ms: 600 });
  const took_ms = (result.plugged_at_ms ?? 0) - result.requested_at_ms;
  t.true(took_ms > 600 && took_ms < 5_000, `${took_ms} ms`);
});

test('an unplug whose turn does not come again ends at its deadline, with nothing asked', async (t) => {
  const clock = new FakeClock();
  const { port, calls } = slowGuest(clock);
  const hold = {
    isWanted: () => true,
    pass: async (deadline_ms: number) => {
      await clock.sleep(deadline_ms);
      return false;
    },
  };
  const result = await clock.until(runResize(port, { ...UNPLUG, hold }, clock));
  t.deepEqual(calls, ['target 0', 'park']);
  t.like(result, { outcome: 'refused', error_code: 'HP_VMM_BUSY', plugged_bytes: REGION });
  t.true(result.waited_ms > 4_900 && result.waited_ms <= 5_000, `${result.waited_ms} ms`);
});

test('an unplug keeps its turn where its target cannot be set to what is plugged', async (t) => {
  for (const park of [{}, { park: notNow }]) {
    const clock = new FakeClock();
    const { port, calls } = slowGuest(clock);
    const hold = { isWanted: () => true, pass: async () => t.fail() };
    const only: ResizePort = {
      setTarget: async (bytes, limit) => await port.setTarget(bytes, limit),
      nudge: async (bytes, limit) => await port.nudge(bytes, limit),
      look: async (resident, limit) => await port.look(resident, limit),
      ...park,
    };
    const result = await clock.until(runResize(only, { ...UNPLUG, hold }, clock));
    t.deepEqual(calls, ['target 0']);
    t.like(result, { outcome: 'done', waited_ms: 0 });
  }
});

async function notNow(): Promise<never> {
  throw vmmError('HP_VMM_REJECTED', 'Not now.');
}

async function stayAway(clock: FakeClock): Promise<never> {
  await clock.sleep(1_000);
  throw vmmError('HP_QMP_TIMEOUT', 'No answer.');
}

/** A port of a guest that has given back half when it is looked at, and then answers no more. */
function halfway(plugs_unseen: boolean) {
  const calls: string[] = [];
  const silent = Promise.withResolvers<void>();
  let looks = 0;
  const port: ResizePort = {
    plugs_unseen,
    setTarget: async (bytes) => void calls.push(`target ${bytes / REGION}`),
    nudge: async () => undefined,
    look: async (resident) => {
      calls.push(resident ? 'host' : 'look');
      looks += 1;
      if (looks === 3) silent.resolve();
      // Of a VMM that is busy: what it says comes long after somebody waits.
      if (looks === 3 && plugs_unseen) await new Promise(() => undefined);
      const plugged_bytes = looks === 1 ? REGION : REGION / 2;
      return { plugged_bytes, resident_bytes: resident ? REGION : null };
    },
  };
  return { port, calls, silent: silent.promise };
}

for (const [what, plugs_unseen, resident_bytes] of [
  ['ends without the answer it waits for, as far as it was seen', true, null],
  ['is looked at once more where the driver needs it', false, REGION],
] as const) {
  test(`an unplug whose memory somebody waits for ${what}`, async (t) => {
    const clock = new FakeClock();
    const cut = new AbortController();
    const { port, calls, silent } = halfway(plugs_unseen);
    const request = { ...REQUEST, target_bytes: 0, cut: cut.signal };
    const resizing = runResize(port, request, clock);
    const all = clock.until(Promise.all([resizing, silent.then(() => cut.abort())]));
    const [result] = await all;
    const ended = { outcome: 'partial', plugged_bytes: REGION / 2, resident_bytes };
    t.like(result, { ...ended, error_code: 'HP_VMM_ABORTED' });
    const after = calls.slice(calls.indexOf('target 0') + 3);
    t.deepEqual(after.includes('host'), !plugs_unseen);
  });
}

test('an unplug whose memory is wanted before it began asks for nothing', async (t) => {
  const clock = new FakeClock();
  const { port, calls } = halfway(true);
  const request = { ...REQUEST, target_bytes: 0, cut: AbortSignal.abort() };
  const result = await clock.until(runResize(port, request, clock));
  t.like(result, { outcome: 'refused', accepted_at_ms: null, plugged_bytes: REGION });
  t.deepEqual(calls, ['host']);
});

test('a region beside others of its device gives its target up also when it is cut', async (t) => {
  const clock = new FakeClock();
  const cut = new AbortController();
  const { port, calls, silent } = halfway(false);
  const request = { ...REQUEST, target_bytes: 0, withdraws_unplug: true, cut: cut.signal };
  const [result] = await clock.until(
    Promise.all([runResize(port, request, clock), silent.then(() => cut.abort())]),
  );
  t.like(result, { outcome: 'partial', plugged_bytes: REGION / 2 });
  t.is(calls.filter((one) => one.startsWith('target')).at(-1), 'target 0.5');
});

test('what is cut while it pauses is not looked at afterwards', async (t) => {
  const clock = new FakeClock();
  const cut = new AbortController();
  let looks = 0;
  const port: ResizePort = {
    plugs_unseen: true,
    setTarget: async () => undefined,
    nudge: async () => undefined,
    look: async (resident) => {
      looks += 1;
      return { plugged_bytes: REGION, resident_bytes: resident ? REGION : null };
    },
  };
  const resizing = runResize(port, { ...REQUEST, target_bytes: 0, cut: cut.signal }, clock);
  await clock.advance(100);
  cut.abort();
  const before = looks;
  t.like(await clock.until(resizing), { outcome: 'refused', plugged_bytes: REGION });
  await clock.advance(1_000);
  t.is(looks, before);
});
