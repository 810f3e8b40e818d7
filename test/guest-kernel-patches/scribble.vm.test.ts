/**
 * Goal: not a byte of what a host left in memory that it had taken back, or of what an instance
 * left in memory that the next one has. Method: the cases of the selftest program that look at
 * every byte, with a host that writes into all that it is about to plug. It is seen to do so: where
 * it has given its word that what it plugs is zero, the case that looks fails.
 */
import test, { type ExecutionContext } from 'ava';
import { MIB } from '../../base/units.ts';
import { runSelftest, type SelftestRun } from '../../bench/kernel/selftest-run.ts';
import { SCRIBBLE_MONITOR, ScribblingHand } from './scribbling-hand.ts';
import { bootOrdinary, noSplat } from './selftest-checks.ts';
import type { SelftestGuest, SelftestGuestOptions } from './selftest-guest.ts';

const RUN_MS = 480_000;
const HONEST = [
  'secret_reuse',
  'secret_replug',
  'prepare',
  'prepare_huge',
  'prepare_mixed',
  'prepare_unplug',
  'prepare_full',
];
/** It gives the host's word. */
const BY_WORD = 'fresh_zero_reuse';

async function boot(
  t: ExecutionContext,
  changes: Partial<SelftestGuestOptions>,
): Promise<{ guest: SelftestGuest; hand: ScribblingHand }> {
  const qemu_arguments = [...SCRIBBLE_MONITOR];
  const guest = await bootOrdinary(t, { qemu_arguments, ...changes }, RUN_MS);
  const hand = await ScribblingHand.take(guest.vm, guest.run_dir);
  t.teardown(() => hand.close());
  return { guest, hand };
}

const runCases = async (
  guest: SelftestGuest,
  hand: ScribblingHand,
  cases: readonly string[],
): Promise<SelftestRun> =>
  await runSelftest(guest, hand, {
    env: { HOTMEM_CASES: cases.join(',') },
    deadline_ms: RUN_MS,
  });

for (const init_on_alloc of [false, true]) {
  test.serial(
    `a host that scribbles is not seen, init_on_alloc=${Number(init_on_alloc)}`,
    async (t) => {
      const { guest, hand } = await boot(t, { init_on_alloc });
      const run = await runCases(guest, hand, HONEST);
      t.deepEqual(run.totals, { pass: HONEST.length, fail: 0, skip: 0 }, run.tail);
      t.true(hand.scribbled_bytes > 256 * MIB, `${hand.scribbled_bytes} bytes were scribbled into`);
      t.deepEqual(hand.trouble, []);
      await noSplat(t, guest);
    },
  );
}

test.serial('a host that breaks its word is seen, and the test sees it', async (t) => {
  const { guest, hand } = await boot(t, {});
  const run = await runCases(guest, hand, [BY_WORD]);
  t.deepEqual(run.totals, { pass: 0, fail: 1, skip: 0 }, run.tail);
  await noSplat(t, guest);
});
