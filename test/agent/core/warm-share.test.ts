/**
 * Goal: where shares of near memory are chosen, a warm call goes to an idle instance with at least
 * the share that would be chosen for it, where there is one; else, and where the definition has one
 * share, to the one that its policy takes anyway.
 */
import test from 'ava';
import fc from 'fast-check';
import { DEFAULT_POLICY } from '../../../agent/core/default-policy/policy.ts';
import type { Decision } from '../../../agent/model/records.ts';
import { NO_PACE } from '../../../agent/model/pace.ts';
import { nearShare, pickNear, shareForCall } from '../../../agent/model/warm-share.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { finish } from './actions.ts';
import { QUARTER, running, SIZE, TABLE } from './split.ts';
import type { World } from './world.ts';

const AUTO = { far_node: 2, share: null, table: TABLE };
const ROOM = { near: 3 * GIB, far: 4 * GIB };
const GAP_MS = 25;

function recorded(part: Parameters<typeof running>[0]): World {
  const world = running({ concurrency: 8, ...part }, ROOM);
  world.context = { policy: DEFAULT_POLICY, recording: true };
  return world;
}

const shares = (world: World): ReadonlyMap<string, number> =>
  new Map(
    world.vmsOf('f').flatMap(({ instances }) =>
      instances.map(({ id, parts }) => {
        const { near_bytes = 0, far_bytes = 1 } = parts ?? {};
        return [id, near_bytes / (near_bytes + far_bytes)] as const;
      }),
    ),
  );

const idle = (world: World) =>
  world.vmsOf('f').flatMap(({ instances }) => instances.filter(({ phase }) => phase === 'idle'));

const warmest = (world: World): string =>
  idle(world).toSorted((a, b) => b.idle_since_ms - a.idle_since_ms)[0]?.id ?? '';

const placed = (world: World): Decision | undefined =>
  world.decisions.findLast(({ question }) => question === 'place');

/** Eight instances: the first with a quarter near, and idle last; others with a half. */
function warmed(world: World): void {
  world.invoke('f');
  for (let call = 0; call < 40; call += 1) {
    world.now_ms += GAP_MS;
    world.invoke('f');
  }
  const [first] = world.vmsOf('f')[0]?.instances ?? [];
  const isOther = (action: World['pending'][number]): boolean =>
    action.type !== 'invoke-instance' || action.instance_id !== first?.id;
  while (world.pending.some(isOther)) world.complete(world.pending.findIndex(isOther));
  finish(world);
}

test('a call at a high rate passes the warmest instance by, which has too little near', (t) => {
  const world = recorded({ tiers: AUTO });
  warmed(world);
  const has = shares(world);
  const last = warmest(world);
  t.is(has.get(last), 0.25);
  const near_enough = [...has.values()].filter((share) => share >= 0.5).length;
  t.true(near_enough > 0);
  world.invoke('f');
  t.is(has.get(placed(world)?.answer ?? ''), 0.5);
  t.like(placed(world)?.inputs, { share: 0.5, near_enough, candidates: near_enough, slo_ms: 400 });
  finish(world);
});

test('at a low rate a quarter is enough, and the warmest takes it, but for who has little time left', (t) => {
  const world = recorded({ tiers: AUTO });
  warmed(world);
  let last = '';
  for (let call = 0; call < 12; call += 1) {
    world.now_ms += 20_000;
    last = warmest(world);
    world.invoke('f');
    finish(world);
  }
  const all = idle(world).length;
  t.like(placed(world)?.inputs, { share: 0.25, near_enough: all, candidates: all });
  t.is(placed(world)?.answer, last);
  // A stage of a DAG that has half as long left.
  const about = { function: 'f', invocation_id: 'late', timeout_ms: null };
  const deadline_at_ms = world.now_ms + 200;
  world.send({ type: 'invoke', request_id: world.request(), ...about, deadline_at_ms });
  t.like(placed(world)?.inputs, { share: 0.5, slo_ms: 200 });
  t.is(shares(world).get(placed(world)?.answer ?? ''), 0.5);
  finish(world);
});

test('where none has as much, any takes it', (t) => {
  const world = recorded({ tiers: AUTO, concurrency: 1 });
  for (let call = 0; call < 40; call += 1) {
    world.now_ms += GAP_MS;
    world.invoke('f');
  }
  finish(world);
  const [only] = idle(world);
  t.like(placed(world)?.inputs, { share: 0.5, near_enough: 0, candidates: 1 });
  t.is(placed(world)?.answer, only?.id);
  t.is(shares(world).get(only?.id ?? ''), 0.25);
});

test('with one share nothing is looked at, and nothing is recorded', (t) => {
  for (const tiers of [QUARTER, null]) {
    const world = recorded({ tiers });
    warmed(world);
    const candidates = idle(world).length;
    const last = warmest(world);
    world.invoke('f');
    t.is(placed(world)?.answer, last);
    t.deepEqual(placed(world)?.inputs, { queued: 1, candidates });
    finish(world);
  }
});

const ASKED = { bytes: SIZE.limit_bytes, pace: NO_PACE, now_ms: 1_000 };

test('a call with little time left should find what is fast enough for that', (t) => {
  for (const [left_ms, share, slo_ms] of [
    [undefined, 0.25, 400],
    [9_000, 0.25, 400],
    [200, 0.5, 200],
    [110, 1, 110],
    // Nothing is: the fastest.
    [50, 1, 50],
    [-50, 1, 0],
  ] as const) {
    const about = left_ms === undefined ? {} : { deadline_at_ms: ASKED.now_ms + left_ms };
    t.deepEqual(shareForCall(TABLE, { ...ASKED, ...about }), { share, slo_ms });
  }
});

test('what has all of its memory in one region has it near or far', (t) => {
  t.is(nearShare({}, 'node2', 2), 0);
  t.is(nearShare({}, 'node1', 2), 1);
  t.is(nearShare({}, 'host', 2), 1);
  const parts = { near_bytes: 128 * MIB, far_bytes: 384 * MIB };
  t.is(nearShare({ parts }, 'node1', 2), 0.25);
});

test('offered are those with enough, or all, in their order and never none', async (t) => {
  const part = fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75, 1), { maxLength: 12 });
  const property = fc.property(part, fc.constantFrom(0, 0.25, 0.5, 1), (all, least) => {
    const { offered, near_enough } = pickNear(all, least, (share) => share);
    const enough = all.filter((share) => share >= least);
    if (near_enough !== enough.length) throw new Error(`${near_enough} of ${enough.length}`);
    const wanted = enough.length > 0 ? enough : all;
    if (offered.join() !== wanted.join()) throw new Error(`offered ${offered.join()}`);
  });
  await holds(t, property, { runs: 500 });
});
