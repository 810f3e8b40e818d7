/** Knative's windows: worked examples of its rules. */
import test from 'ava';
import {
  arrive,
  type KnativeWindows,
  newWindows,
  nextTick,
  observe,
  wantedOf,
} from '../../../autoscaler/policy/knative-windows.ts';

/** So many at a time from one second to another, all of them ready from the next tick on. */
function hold(known: KnativeWindows, to_s: number, concurrent: number): void {
  const from_ms = known.last_ms;
  if (concurrent > 0) arrive(known, from_ms);
  for (let now_ms = from_ms; now_ms <= to_s * 1000; now_ms += 500) {
    observe(known, now_ms, { concurrent, ready: known.desired });
  }
}

test('nothing was seen: nothing is wanted, and who waits gets the first at once', (t) => {
  t.is(wantedOf(undefined, 0), 0);
  t.is(wantedOf(undefined, 5), 1);
  t.is(nextTick(newWindows()), null);
});

test('of a steady number 70 % are used: seven at a time want ten', (t) => {
  const known = newWindows();
  hold(known, 200, 7);
  t.is(known.desired, 10);
  t.is(known.panic_at_ms, null, 'what is ready suffices');
});

test('a burst is seen in six seconds, not in sixty, and kept for a minute', (t) => {
  const known = newWindows();
  hold(known, 120, 1);
  t.is(known.desired, 2, '1 / 0.7, rounded up');
  hold(known, 126, 20);
  t.is(known.desired, 29, 'the whole panic window is full of 20');
  hold(known, 180, 1);
  t.is(known.desired, 29, 'no way down while it lasts');
  hold(known, 250, 1);
  t.is(known.desired, 2);
});

test('at one decision at most a half goes', (t) => {
  const known = newWindows();
  hold(known, 300, 14);
  t.is(known.desired, 20);
  const seen: number[] = [];
  for (let second = 302; second <= 380; second += 2) {
    hold(known, second, 0);
    if (seen.at(-1) !== known.desired) seen.push(known.desired);
  }
  t.is(seen.at(-1), 0, 'a minute without anything ends all');
  for (const [at, next] of seen.entries()) {
    if (at > 0) t.true(next >= Math.floor((seen[at - 1] ?? 0) / 2), seen.join());
  }
  t.is(nextTick(known), null, 'and nothing is left to decide');
});
