import test from 'ava';
import fc from 'fast-check';
import {
  type GrowthBounds,
  type GrowthCosts,
  newSpan,
  nextSize,
  noteSize,
  noteUse,
  payMs,
  regrowMs,
  reserveBytes,
  type SpanUse,
} from '../../../autoscaler/policy/sizing/growth.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';

const COSTS: GrowthCosts = { event_ms: 1, permit_ms: 1, plug_p99_ms: 18, refault_ms_per_gib: 250 };
const BOUNDS: GrowthBounds = {
  least_bytes: 64 * MIB,
  increment_bytes: 64 * MIB,
  max_bytes: 4 * GIB,
};
const at = (now_ms: number, bounds = BOUNDS, costs = COSTS) => ({ bounds, costs, now_ms });
const QUIET = { want_bytes: 0 };

/** A span of `target_mib` of which `used_mib` have been used for ever. */
function span(target_mib: number, used_mib: number): SpanUse {
  const seen = { ...newSpan(target_mib * MIB, 0), used_bytes: used_mib * MIB };
  return noteUse(seen, { used_bytes: used_mib * MIB, want_bytes: 0 }, at(0));
}

test('the reserve covers the fastest growth seen for as long as growth takes', (t) => {
  const used_bytes = 100 * MIB;
  const grown = noteUse(span(256, 0), { used_bytes, want_bytes: 0 }, at(100));
  t.is(reserveBytes(grown, COSTS), 20 * MIB);
  const calm = noteUse(grown, { used_bytes, want_bytes: 0 }, at(10_000));
  t.is(reserveBytes(calm, COSTS), 20 * MIB, 'the fastest is held');
});

test('three gigabytes a second at a reaction of 20 ms need 57 MiB', (t) => {
  const used_bytes = 3e9;
  const grown = noteUse(span(4096, 0), { used_bytes, want_bytes: 0 }, at(1000));
  t.is(Math.floor(reserveBytes(grown, COSTS) / MIB), 57);
});

test('a jump that no clock resolved is no infinite rate', (t) => {
  const jumped = noteUse(span(4096, 0), { used_bytes: 4 * GIB, want_bytes: 0 }, at(0));
  t.true(reserveBytes(jumped, COSTS) <= 82 * MIB);
});

for (const [title, target_mib, used_mib, want_mib, cause, to_mib] of [
  ['nothing happens while enough is free', 256, 200, 0, null, 256],
  ['it grows by one increment for who waits', 256, 256, 1, 'grow', 320],
  ['it grows by several for who wants much', 256, 256, 300, 'grow', 576],
  ['it never grows beyond its ceiling', 4096, 4096, 500, null, 4096],
  ['what is wanted beyond the ceiling is cut', 256, 256, 100_000, 'grow', 4096],
] as const) {
  test(title, (t) => {
    const next = nextSize(span(target_mib, used_mib), { want_bytes: want_mib * MIB }, at(0));
    t.like(next, { cause, target_bytes: to_mib * MIB });
  });
}

test('a tail of one increment stays, a longer one goes after the hold and not before', (t) => {
  t.like(nextSize(span(256, 192), QUIET, at(60_000)), { cause: null, look_again_at_ms: null });
  const long = span(512, 192);
  const hold_ms = payMs(320 * MIB, COSTS);
  t.is(hold_ms, 10 * (18 + 0.3125 * 250));
  t.like(nextSize(long, QUIET, at(hold_ms - 1)), { cause: null, look_again_at_ms: hold_ms });
  t.like(nextSize(long, QUIET, at(hold_ms)), { cause: 'shrink', target_bytes: 192 * MIB });
});

test('a quarter of a second is the shortest hold', (t) => {
  const cheap = { ...COSTS, plug_p99_ms: 1, refault_ms_per_gib: 1 };
  const news = { used_bytes: 64 * MIB, want_bytes: 0 };
  const long = noteUse(span(512, 500), news, at(1_000, BOUNDS, cheap));
  t.like(nextSize(long, QUIET, at(1_000, BOUNDS, cheap)), { look_again_at_ms: 1_250 });
});

test('who was quiet gives back after the shortest hold, and not for ever at that pace', (t) => {
  let use = span(2_048, 2_048);
  let now_ms = 3_600_000;
  let shrinks = 0;
  for (; shrinks < 100; shrinks += 1) {
    const low = noteUse(use, { used_bytes: 64 * MIB, want_bytes: 0 }, at(now_ms));
    const next = nextSize(low, QUIET, at(now_ms + 250));
    if (next.cause !== 'shrink') break;
    now_ms += 250;
    use = noteSize(low, next.target_bytes, at(now_ms));
    use = noteSize(use, 2_048 * MIB, at(now_ms));
    use = noteUse(use, { used_bytes: 2_048 * MIB, want_bytes: 0 }, at(now_ms));
  }
  const pay_ms = payMs(1_920 * MIB, COSTS);
  t.true(shrinks >= 2 && shrinks <= 1 + (30_000 + shrinks * 250) / pay_ms, `${shrinks}`);
});

const ON_DEMAND: GrowthCosts = { ...COSTS, event_ms: 0, permit_ms: 0, plug_p99_ms: 0 };

test('waits that follow each other get twice as much each time, up to four increments', (t) => {
  let use = newSpan(64 * MIB, 0);
  const grown: number[] = [];
  for (let now_ms = 0; now_ms < 500; now_ms += 100) {
    const news = { used_bytes: use.target_bytes, want_bytes: 4096 };
    use = noteUse(use, news, at(now_ms, BOUNDS, ON_DEMAND));
    const { target_bytes } = nextSize(use, news, at(now_ms, BOUNDS, ON_DEMAND));
    grown.push((target_bytes - use.target_bytes) / BOUNDS.increment_bytes);
    use = noteSize(use, target_bytes, at(now_ms, BOUNDS, ON_DEMAND));
  }
  t.deepEqual(grown, [1, 2, 4, 4, 4]);
  const later = at(1_000, BOUNDS, ON_DEMAND);
  const news = { used_bytes: use.target_bytes, want_bytes: 4096 };
  const { target_bytes } = nextSize(noteUse(use, news, later), news, later);
  t.is(target_bytes - use.target_bytes, BOUNDS.increment_bytes, 'and anew after a pause');
});

test('only what was free all through the hold is given back', (t) => {
  const dip = noteUse(span(1024, 100), { used_bytes: 700 * MIB, want_bytes: 0 }, at(3_600_000));
  const back = noteUse(dip, { used_bytes: 100 * MIB, want_bytes: 0 }, at(3_600_100));
  t.like(nextSize(back, QUIET, at(7_200_000)), { cause: 'shrink', target_bytes: 704 * MIB });
});

test('it never shrinks below its least size', (t) => {
  const next = nextSize(span(1024, 0), QUIET, at(60_000, { ...BOUNDS, least_bytes: 256 * MIB }));
  t.like(next, { cause: 'shrink', target_bytes: 256 * MIB });
});

/** Uses of a span with the time until the next. */
const series = fc.array(
  fc.record({
    after_ms: fc.integer({ min: 0, max: 2_000 }),
    used_bytes: fc.integer({ min: -MIB, max: 5 * GIB }),
    want_bytes: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 * GIB })),
  }),
  { minLength: 1, maxLength: 60 },
);
const costs = fc.record({
  event_ms: fc.integer({ min: 0, max: 20 }),
  permit_ms: fc.integer({ min: 0, max: 20 }),
  plug_p99_ms: fc.integer({ min: 0, max: 200 }),
  refault_ms_per_gib: fc.integer({ min: 0, max: 1_000 }),
});
const bounds = fc.record({
  least_bytes: fc.constantFrom(64 * MIB, 256 * MIB),
  increment_bytes: fc.constantFrom(64 * MIB, 128 * MIB, 512 * MIB),
  max_bytes: fc.constantFrom(512 * MIB, 4 * GIB),
});

interface Seen {
  readonly before: SpanUse;
  readonly after: SpanUse;
  readonly now_ms: number;
}

/** Plays a series; every change of size, and the time it took. */
function play(
  uses: readonly { after_ms: number; used_bytes: number; want_bytes: number }[],
  limits: GrowthBounds,
  cost: GrowthCosts,
): { changes: readonly Seen[]; elapsed_ms: number } {
  const changes: Seen[] = [];
  let now_ms = 0;
  let use = newSpan(limits.max_bytes, 0);
  for (const { after_ms, ...news } of uses) {
    now_ms += after_ms;
    // A guest that is well uses no more than it has.
    const used_bytes = Math.min(news.used_bytes, use.target_bytes);
    use = noteUse(use, { ...news, used_bytes }, at(now_ms, limits, cost));
    const next = nextSize(use, news, at(now_ms, limits, cost));
    if (next.cause === null) continue;
    const after = noteSize(use, next.target_bytes, at(now_ms, limits, cost));
    changes.push({ before: use, after, now_ms });
    use = after;
  }
  return { changes, elapsed_ms: now_ms };
}

test('whatever a guest does, giving back and taking again costs at most a tenth of the time', (t) =>
  holds(
    t,
    fc.property(series, bounds, costs, (uses, limits, cost) => {
      const { changes, elapsed_ms } = play(uses, limits, cost);
      const lost_ms = changes.reduce((sum, { before, after }) => {
        const bytes = before.target_bytes - after.target_bytes;
        return bytes > 0 ? sum + regrowMs(bytes, cost) : sum;
      }, 0);
      return lost_ms <= elapsed_ms / 10 + 1e-6;
    }),
    { runs: 500 },
  ));

test('a size stays within its bounds, and what is used and the reserve stay within the size', (t) =>
  holds(
    t,
    fc.property(series, bounds, costs, (uses, limits, cost) =>
      play(uses, limits, cost).changes.every(({ before, after }) => {
        const { target_bytes } = after;
        if (target_bytes > limits.max_bytes) return false;
        if (target_bytes > before.target_bytes) return true;
        const kept_bytes = before.used_bytes + reserveBytes(before, cost);
        return target_bytes >= limits.least_bytes && target_bytes >= kept_bytes;
      }),
    ),
    { runs: 500 },
  ));

test('growth leaves the reserve free, or ends at the ceiling', (t) =>
  holds(
    t,
    fc.property(series, bounds, costs, (uses, limits, cost) =>
      play(uses, limits, cost).changes.every(({ before, after }) => {
        if (after.target_bytes < before.target_bytes) return true;
        const free_bytes = after.target_bytes - after.used_bytes;
        return free_bytes >= reserveBytes(after, cost) || after.target_bytes === limits.max_bytes;
      }),
    ),
    { runs: 500 },
  ));

test('a saw-tooth faster than the hold keeps its memory', (t) => {
  const teeth = Array.from({ length: 200 }, (_, index) => ({
    after_ms: 100,
    used_bytes: (index % 2 === 0 ? 100 : 2_000) * MIB,
    want_bytes: 0,
  }));
  const { changes } = play(teeth, { ...BOUNDS, max_bytes: 2_112 * MIB }, COSTS);
  t.deepEqual(changes, []);
});
