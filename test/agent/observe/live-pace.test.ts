/** The live stream tells a change at once, and much of it at a pace that agent and readers keep. */
import test, { type ExecutionContext } from 'ava';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import { type Changed, step } from '../../../agent/core/step.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import type { HostEvent } from '../../../agent/model/events.ts';
import type { LiveMessage } from '../../../agent/model/live.ts';
import { emptyHost, type HostState } from '../../../agent/model/state.ts';
import { ChangeFeed } from '../../../agent/observe/change-feed.ts';
import { LiveFeed } from '../../../agent/observe/live/live-feed.ts';
import { dueInMs } from '../../../agent/observe/live/pace.ts';
import { RecordHub } from '../../../agent/observe/record-hub.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { specOf } from '../core/world.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { hostOf } from './many-vms.ts';

const { live_gather_ms, live_gather_behind_ms, live_few_behind, live_gather_ms_max } = AGENT_LIMITS;
const QUICK = { at_ms: 100, late_ms: 0, made_ms: 0.1, behind: 0 };

for (const { what, told, now_ms, due_ms } of [
  { what: 'the first of all', told: null, now_ms: 0, due_ms: 0 },
  { what: 'one after a rest', told: QUICK, now_ms: 100 + live_gather_ms, due_ms: 0 },
  { what: 'one soon after another', told: QUICK, now_ms: 102, due_ms: live_gather_ms - 2 },
  {
    what: 'one after another that took 4 ms to make',
    told: { ...QUICK, made_ms: 4 },
    now_ms: 100,
    due_ms: 36,
  },
  {
    what: 'one after another that took a second to make',
    told: { ...QUICK, made_ms: 1_000 },
    now_ms: 100,
    due_ms: live_gather_ms_max,
  },
  {
    what: 'one that a reader has no need of yet',
    told: { ...QUICK, behind: live_few_behind + 1 },
    now_ms: 100,
    due_ms: live_gather_behind_ms,
  },
  {
    what: 'one while the agent is busy',
    told: { ...QUICK, late_ms: live_gather_ms + 1 },
    now_ms: 100,
    due_ms: live_gather_behind_ms,
  },
  {
    what: 'one while a reader is a little behind',
    told: { ...QUICK, behind: live_few_behind },
    now_ms: 100,
    due_ms: live_gather_ms,
  },
]) {
  test(`${what} is due in ${due_ms} ms`, (t) => {
    t.is(dueInMs(told, now_ms), due_ms);
  });
}

/** `late_ms`: by which timers of the feed come later than they are asked for. */
function feedOf(t: ExecutionContext, late_ms = 0, state = hostOf(2, 4)) {
  const clock = new FakeClock();
  const source = { state, version: 'v', hub: new RecordHub(), changes: new ChangeFeed() };
  const feed = new LiveFeed(source, {
    nowMs: () => clock.nowMs(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    timer: (ms, onTime) => clock.timer(ms + late_ms, onTime),
  });
  t.teardown(() => feed.close());
  const publish = (changed: Changed): void => source.changes.publish({ state, changed });
  const change = (): void => publish({ functions: ['f0'], vms: [], operations: [] });
  const join = () => {
    const gone = new AbortController();
    t.teardown(() => gone.abort());
    const { changes } = feed.join(gone.signal);
    return changes;
  };
  return { clock, change, join, publish };
}

const parsed = (bytes: Buffer | void | undefined): LiveMessage =>
  JSON.parse(Buffer.from(bytes ?? []).toString());

test('a change after a rest waits for nobody; those after it come together, a pace later', async (t) => {
  const { clock, change, join } = feedOf(t);
  const changes = join();
  await clock.advance(1_000);
  change();
  change();
  await clock.advance(0);
  t.is(changes.queued, 1, 'what changes in one turn is one message');
  for (let ms = 0; ms < live_gather_ms; ms += 1) {
    change();
    t.is(changes.queued, 1, `${ms} ms later`);
    await clock.advance(1);
  }
  t.is(changes.queued, 2);
  await clock.advance(1_000);
  t.is(changes.queued, 2, 'where nothing changed nothing is told');
  const numbers = [await changes.next(), await changes.next()].map(({ value }) => parsed(value));
  t.deepEqual(
    numbers.map((one) => (one.type === 'change' ? [one.sequence, one.functions.length] : one)),
    [
      [1, 1],
      [2, 1],
    ],
  );
});

test('while a reader takes nothing, messages are fewer, and a quick reader has them all', async (t) => {
  const { clock, change, join } = feedOf(t);
  const [slow, quick] = [join(), join()];
  /** Messages of a second in which much happens, and these read. */
  const second = async (reading: readonly (typeof slow)[]): Promise<number> => {
    let got = 0;
    for (let ms = 0; ms < 1_000; ms += 1) {
      change();
      await clock.advance(1);
      for (const one of reading) {
        while (one.queued > 0) {
          await one.next();
          got += one === quick ? 1 : 0;
        }
      }
    }
    return got;
  };
  await second([quick]);
  const crowded = await second([quick]);
  t.true(Math.abs(crowded - 1_000 / live_gather_behind_ms) <= 2, `${crowded} messages`);
  await second([quick, slow]);
  const free = await second([quick, slow]);
  t.true(Math.abs(free - 1_000 / live_gather_ms) <= 2, `${free} messages`);
});

test('an agent whose timers come late keeps its distance', async (t) => {
  const by_ms = 2 * live_gather_ms;
  const { clock, change, join } = feedOf(t, by_ms);
  const changes = join();
  let told = 0;
  for (let ms = 0; ms < 1_000; ms += 1) {
    change();
    await clock.advance(1);
    for (; changes.queued > 0; told += 1) await changes.next();
  }
  const distance_ms = live_gather_behind_ms + by_ms;
  t.true(Math.abs(told - 1_000 / distance_ms) <= 2, `${told} messages`);
});

test('a message is encoded once for all who read', async (t) => {
  const { clock, change, join } = feedOf(t);
  const readers = [join(), join(), join()];
  for (const one of readers) while (one.queued > 0) await one.next();
  await clock.advance(100);
  change();
  await clock.advance(0);
  const [first, ...others] = await Promise.all(
    readers.map(async (one) => (await one.next()).value),
  );
  t.is(parsed(first).type, 'change');
  for (const one of others) t.is(one, first);
});

const take = (state: HostState, event: HostEvent): HostState =>
  step(state, event, 0, { policy: DEFAULT_POLICY, recording: false }).state;

test('a change of a VM tells the row of its function where that has sums over VMs, and not else', async (t) => {
  const spans = [{ name: 'data', max_bytes: 256 * MIB, host_node: null }];
  const specs = [specOf('plain'), specOf('spanned', { mechanism: 'hotmem', spans })];
  const state = specs.reduce(
    (host, spec) => take(host, { type: 'deploy', request_id: spec.name, spec }),
    emptyHost(16 * GIB),
  );
  const { clock, join, publish } = feedOf(t, 0, state);
  const changes = join();
  await clock.advance(1_000);
  publish({ functions: [], vms: [...state.vms.keys()], operations: [] });
  await clock.advance(0);
  const told = parsed((await changes.next()).value);
  t.is(told.type, 'change');
  if (told.type !== 'change') return;
  t.deepEqual(
    told.functions.map(({ name }) => name),
    ['spanned'],
  );
  t.is(told.vms.length, 2);
});
