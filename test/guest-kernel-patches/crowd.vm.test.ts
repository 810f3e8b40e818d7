/**
 * Goal: a full partition costs as many lives as memory is short of, not everybody's. Method: the
 * case `overflow_crowd` of the selftest program, in each of whose eight rounds four processes
 * fault at once where three have room, over and over in one guest.
 *
 * On the debug kernel with HOTPLANE_DEBUG_KERNEL=all.
 */
import { bootOrdinary, KERNELS, noSplat } from './selftest-checks.ts';
import { ObedientHand, runSelftest } from '../../bench/kernel/selftest-run.ts';

/** Of eight rounds each: more than 50. */
const RUNS = 7;
const RUN_MS = 240_000;

for (const { name, changes, onKernel } of KERNELS) {
  onKernel(`one dies for each need in ${RUNS * 8} rounds, ${name}`, async (t) => {
    const kernel_arguments = ['kunit.enable=0'];
    const guest = await bootOrdinary(t, { ...changes, kernel_arguments }, RUNS * RUN_MS);
    const env = { HOTMEM_CASES: 'overflow_crowd' };
    for (let run = 1; run <= RUNS; run += 1) {
      const hand = new ObedientHand(guest.vm);
      const ended = await runSelftest(guest, hand, { env, deadline_ms: RUN_MS });
      t.deepEqual(ended.totals, { pass: 1, fail: 0, skip: 0 }, `run ${run}\n${ended.tail}`);
    }
    const lines = await guest.lines();
    const rounds = lines.filter((line) => line.includes('8 killed in 8 rounds')).length;
    t.is(rounds, RUNS, 'the case says how many died');
    const told = lines.filter((line) => / is full .*killed process /.test(line)).length;
    t.log(`${told} lines of the kernel about a kill`);
    await noSplat(t, guest);
  });
}
