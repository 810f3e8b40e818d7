/** Queue: what a list would hold, in every version. */
import test from 'ava';
import fc from 'fast-check';
import { Queue, type Queued } from '../../../agent/model/queue.ts';
import { holds } from '../../seed.ts';

const move = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), times: fc.nat(90) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('shift' as const), times: fc.nat(70) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('back' as const), times: fc.nat(90) }) },
  {
    weight: 3,
    // One from anywhere, or a run of them, which empties what was kept together.
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      from: fc.nat(400),
      times: fc.constantFrom(1, 1, 150),
    }),
  },
);

test('a queue holds what a list holds, and its earlier versions what they held', async (t) => {
  const property = fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
    let queue = Queue.empty<Queued>();
    let list: Queued[] = [];
    let sequence = 0;
    const versions: { queue: Queue<Queued>; list: Queued[] }[] = [];
    for (const one of moves) {
      const { kind, times } = one;
      for (let count = 0; count < times; count += 1) {
        if (kind === 'take') {
          const taken = one.from + count;
          const found = list.find((item) => item.sequence === taken);
          if (queue.find(taken) !== found) throw new Error(`find ${taken}`);
          queue = queue.without({ sequence: taken });
          list = list.filter((item) => item !== found);
          continue;
        }
        if (kind === 'shift') {
          queue = queue.shift();
          list = list.slice(1);
          continue;
        }
        if (kind === 'back') {
          // The newest that was taken, or some before it.
          const item = { sequence: sequence - 1 - times };
          if (item.sequence < 0 || queue.find(item.sequence)) continue;
          queue = queue.insert(item);
          list = [...list, item].toSorted((a, b) => a.sequence - b.sequence);
          continue;
        }
        const item = { sequence };
        sequence += 1;
        queue = queue.push(item);
        list = [...list, item];
      }
      versions.push({ queue, list });
    }
    for (const version of versions) {
      if (JSON.stringify(version.queue) !== JSON.stringify(version.list)) throw new Error('order');
      if (version.queue.length !== version.list.length) throw new Error('length');
      if (version.queue.first !== version.list[0]) throw new Error('first');
    }
  });
  await holds(t, property, { runs: 200 });
});
