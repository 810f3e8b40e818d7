import test from 'ava';
import { settledInterrupts } from '../../bench/reclaim/measure/timed-resize.ts';

/** A guest that counts these, one look after the other, and the last one for ever. */
function guestThatCounts(counts: readonly number[]) {
  let look = 0;
  return {
    counters: async () => {
      const vmm_interrupts = counts[Math.min(look, counts.length - 1)] ?? 0;
      look += 1;
      return { vmm_interrupts, interrupts_known: true };
    },
  };
}

test('the interrupt of a request that is counted late is waited for', async (t) => {
  const start = { vmm_interrupts: 10, interrupts_known: true };
  t.is(await settledInterrupts(guestThatCounts([11, 11, 12]), start, 1), 2);
  t.is(await settledInterrupts(guestThatCounts([15]), start, 1), 5);
});

test('interrupts that are not known stay so', async (t) => {
  const start = { vmm_interrupts: 0, interrupts_known: false };
  t.is(await settledInterrupts(guestThatCounts([9]), start, 1), null);
});
