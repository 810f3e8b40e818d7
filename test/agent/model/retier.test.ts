/** Goal: unused memory changes its tier step by step, and never more of it than is free. */
import test from 'ava';
import fc from 'fast-check';
import {
  mayMove,
  type Moved,
  nextRetier,
  type PartNow,
  type RetierNow,
} from '../../../agent/model/retier.ts';
import { MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

const BLOCK = 128;

/** Of MiB; all of it is plugged, and there is room for more. */
function part(kept: number, more: Partial<PartNow> = {}): PartNow {
  const { used_bytes = null } = more;
  const all = {
    plugged_bytes: kept,
    permit_bytes: kept,
    max_bytes: 1024,
    free_bytes: 1024,
    ...more,
  };
  return {
    kept_bytes: kept * MIB,
    plugged_bytes: all.plugged_bytes * MIB,
    permit_bytes: all.permit_bytes * MIB,
    used_bytes: used_bytes === null ? null : used_bytes * MIB,
    max_bytes: all.max_bytes * MIB,
    free_bytes: all.free_bytes * MIB,
    is_held: more.is_held ?? false,
  };
}

const plugged = (bytes: number) => ({ plugged_bytes: bytes, permit_bytes: bytes });

function next(near: PartNow, far: PartNow, more: Partial<RetierNow> = {}) {
  const step = nextRetier({
    near,
    far,
    moved: null,
    wanted_near_bytes: 256 * MIB,
    is_rested: true,
    now_ms: 5,
    ...more,
  });
  if (!step) return null;
  const { cause, of, to_bytes, parts, moved } = step;
  const kept = [parts.near_bytes / MIB, parts.far_bytes / MIB];
  return [`${cause} ${of} ${to_bytes / MIB}`, kept, moved] as const;
}

/** A step before the one that is asked for, which is at 5. */
const TO_NEAR: Moved = { at_ms: 1, to: 'near' };
const BACK: Moved = { at_ms: 1, to: 'far', is_back: true };
const OVER: Moved = { at_ms: 1, to: null };
const atFive = (moved: Moved): Moved => ({ ...moved, at_ms: 5 });

test('a move begins with memory for the part that is to have more', (t) => {
  const begun: Moved = { at_ms: 5, to: 'near' };
  t.deepEqual(next(part(128), part(384)), ['gain near 256', [128, 384], begun]);
  t.deepEqual(next(part(384), part(128)), ['gain far 256', [384, 128], { ...begun, to: 'far' }]);
  t.deepEqual(next(part(128), part(384), { moved: OVER })?.[0], 'gain near 256');
});

test('none begins where nothing is wanted, or nothing can be had', (t) => {
  for (const [near, far, more] of [
    [part(256), part(256), {}],
    // Less than a block.
    [part(128), part(384), { wanted_near_bytes: 200 * MIB }],
    [part(128), part(384), { wanted_near_bytes: null }],
    [part(128, { free_bytes: 100 }), part(384), {}],
    [part(128, { max_bytes: 128 }), part(384), {}],
    [part(128), part(384, { used_bytes: 380 }), {}],
    [part(128, { is_held: true }), part(384), {}],
    [part(128), part(384, { is_held: true }), {}],
    // The last block of a part stays.
    [part(256), part(128), { wanted_near_bytes: 384 * MIB }],
    // It started on what another one had left.
    [part(128, plugged(256)), part(384), {}],
  ] as const) {
    t.is(next(near, far, more), null);
  }
});

test('it is as large as tier, region and use of the other part let it be', (t) => {
  const wanted = { wanted_near_bytes: 640 * MIB };
  const near = part(128);
  t.is(next(near, part(640), wanted)?.[0], 'gain near 640');
  t.is(next(part(128, { free_bytes: 300 }), part(640), wanted)?.[0], 'gain near 384');
  t.is(next(part(128, { max_bytes: 256 }), part(640), wanted)?.[0], 'gain near 256');
  t.is(next(near, part(640, { used_bytes: 257 }), wanted)?.[0], 'gain near 384');
});

test('once one part has it the other one cedes as much, and keeps less from then on', (t) => {
  const near = part(128, plugged(256));
  const moved = TO_NEAR;
  t.deepEqual(next(near, part(384), { moved }), ['cede far 256', [256, 256], atFive(TO_NEAR)]);
  // As much of it as is not in use by now; the rest goes back where it came from.
  const larger = part(128, plugged(384));
  t.deepEqual(next(larger, part(384, { used_bytes: 200 }), { moved }), [
    'cede far 256',
    [256, 256],
    atFive(TO_NEAR),
  ]);
  t.deepEqual(next(near, part(384, { used_bytes: 384 }), { moved }), [
    'cede near 128',
    [128, 384],
    atFive(OVER),
  ]);
});

test('what could not be ceded is asked for again before it is kept again', (t) => {
  const far = part(256, { ...plugged(384), is_held: true });
  t.deepEqual(next(part(256), far, { moved: TO_NEAR }), ['gain far 384', [256, 256], atFive(BACK)]);
  t.deepEqual(next(part(256), part(256, plugged(384)), { moved: BACK }), [
    'cede near 128',
    [128, 384],
    atFive(BACK),
  ]);
});

test('and a way back that fails too ends, with what is there given back after a rest', (t) => {
  const near = part(128, plugged(256));
  const over = { ...OVER, is_back: true } as const;
  t.deepEqual(next(near, part(384), { moved: BACK }), ['cede near 128', [128, 384], atFive(over)]);
  t.is(next(near, part(384), { moved: over, is_rested: false }), null, 'not again and again');
  t.deepEqual(next(near, part(384), { moved: over }), ['cede near 128', [128, 384], atFive(over)]);
  t.is(next(part(128, { ...plugged(256), is_held: true }), part(384), { moved: OVER }), null);
  t.is(next(near, part(384), { moved: OVER })?.[0], 'cede near 128');
  t.is(next(part(128), part(384, plugged(512)), { moved: OVER })?.[0], 'cede far 384');
});

test('an instance rests between two moves for a part of its keep-alive', (t) => {
  const rests = { keep_alive_ms: 4_000, hold_ms: 500 };
  t.false(mayMove({ at_ms: 1_000 }, 1_999, rests));
  t.true(mayMove({ at_ms: 1_000 }, 2_000, rests));
  t.false(mayMove({ at_ms: 1_000, is_back: true }, 4_999, rests), 'longer after a way back');
  t.true(mayMove({ at_ms: 1_000, is_back: true }, 5_000, rests));
  const short = { ...rests, keep_alive_ms: 0 };
  t.false(mayMove({ at_ms: 1_000 }, 1_499, short), 'and never not at all');
  t.true(mayMove({ at_ms: 1_000 }, 1_500, short));
});

const blocks = fc.integer({ min: 1, max: 6 });
const uses = fc.option(fc.nat(6 * BLOCK), { nil: null });

test('played to its end, with cessions of any size, the sum stays and each part has what it keeps', async (t) => {
  const cedes = fc.array(fc.nat(4), { minLength: 1, maxLength: 8 });
  const property = fc.property(blocks, blocks, blocks, uses, cedes, (n, f, wanted, used, gave) => {
    const sides = { near: part(n * BLOCK), far: part(f * BLOCK, { used_bytes: used }) };
    const used_far = Math.min((used ?? 0) * MIB, sides.far.plugged_bytes);
    sides.far = { ...sides.far, used_bytes: used === null ? null : used_far };
    let moved: Moved | null = null;
    const wanted_near_bytes = Math.min(wanted, n + f - 1) * BLOCK * MIB;
    const sum = (n + f) * BLOCK * MIB;
    for (let step = 0; step < 40; step += 1) {
      const told = nextRetier({
        ...sides,
        moved,
        wanted_near_bytes,
        is_rested: true,
        now_ms: step,
      });
      // Between two moves it rests.
      if (!told || (moved && told.cause === 'gain' && !told.moved.is_back)) return;
      ({ moved } = told);
      const { near_bytes, far_bytes } = told.parts;
      if (near_bytes + far_bytes !== sum) throw new Error(`keeps ${near_bytes} + ${far_bytes}`);
      sides.near = { ...sides.near, kept_bytes: near_bytes, is_held: false };
      sides.far = { ...sides.far, kept_bytes: far_bytes, is_held: false };
      const region = sides[told.of];
      const asked = told.to_bytes;
      if (told.cause === 'cede' && asked < (region.used_bytes ?? 0)) throw new Error('in use');
      const short = told.cause === 'cede' ? (gave[step % gave.length] ?? 0) * BLOCK * MIB : 0;
      const is = Math.min(region.plugged_bytes, asked + short);
      const now = told.cause === 'cede' ? is : asked;
      const is_held = told.cause === 'cede' && is > asked;
      sides[told.of] = { ...region, plugged_bytes: now, permit_bytes: now, is_held };
      const { near, far } = sides;
      const has = near.plugged_bytes >= near.kept_bytes && far.plugged_bytes >= far.kept_bytes;
      if (!has) throw new Error(`${near.plugged_bytes} and ${far.plugged_bytes}`);
      const most = sum + Math.abs(wanted_near_bytes - n * BLOCK * MIB);
      if (near.plugged_bytes + far.plugged_bytes > most) throw new Error('more than one move');
    }
    throw new Error('it never ends');
  });
  await holds(t, property, { runs: 500 });
});
