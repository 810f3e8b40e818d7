/** Long work in pieces: others have their turns, as many as its time asks for, and no more. */
import test from 'ava';
import { Pieces } from '../../base/pieces.ts';

/** Counts turns of the event loop until the function returned is called. */
function countTurns(): () => number {
  let turns = 0;
  let is_over = false;
  const count = (): void => {
    turns += 1;
    if (!is_over) setImmediate(count);
  };
  setImmediate(count);
  return () => {
    is_over = true;
    return turns;
  };
}

for (const { piece_ms, turns } of [
  { piece_ms: 0, turns: 0 },
  { piece_ms: 1, turns: 10 },
  { piece_ms: 3, turns: 25 },
  { piece_ms: 70, turns: 100 },
]) {
  test(`100 pieces of ${piece_ms} ms in turns of 10 ms give way ${turns} times`, async (t) => {
    let now_ms = 5;
    const pieces = new Pieces(10, { nowMs: () => now_ms });
    const counted = countTurns();
    for (let done = 0; done < 100; done += 1) {
      now_ms += piece_ms;
      await pieces.gap();
    }
    const seen = counted();
    t.true(Math.abs(seen - turns) <= 1, `${seen} turns`);
  });
}

test('a piece that cannot be cut has a turn, however short the one before it was', async (t) => {
  const pieces = new Pieces(10, { nowMs: () => 0 });
  const counted = countTurns();
  for (let done = 0; done < 5; done += 1) await pieces.turn();
  t.true(counted() >= 4);
});

test('many who work at once share their turns: none is longer for that, and each comes on', async (t) => {
  let now_ms = 0;
  const pieces = new Pieces(10, { nowMs: () => now_ms });
  let began_ms = 0;
  let longest_ms = 0;
  let is_over = false;
  const watch = (): void => {
    longest_ms = Math.max(longest_ms, now_ms - began_ms);
    began_ms = now_ms;
    if (!is_over) setImmediate(watch);
  };
  setImmediate(watch);
  const done = Array.from({ length: 20 }, () => 0);
  const work = async (worker: number): Promise<void> => {
    for (let piece = 1; piece <= 10; piece += 1) {
      await pieces.gap();
      now_ms += 3;
      done[worker] = piece;
    }
  };
  await Promise.all(done.map((_, worker) => work(worker)));
  is_over = true;
  t.true(longest_ms <= 12, `${longest_ms} ms`);
  t.deepEqual(new Set(done), new Set([10]));
});
