/**
 * Goal: the series does nothing that the checks of the kernel see. Method: a kernel with KASAN,
 * lockdep, kmemleak and others (guest-kernel-patches/config/debug.config); the whole selftest
 * program, then a look for leaks. With HOTPLANE_DEBUG_KERNEL=1 only: it takes long.
 */
import { leaks } from './files-program.ts';
import {
  bootOrdinary,
  DEBUG,
  noSplat,
  onDebugKernel,
  selftestsPass,
  SPLIT,
} from './selftest-checks.ts';

/** Alone it takes about ten minutes; another guest may run beside it. */
const RUN_MS = 2_400_000;
/** What hands pages out, takes them back and hands them out anew. */
const PAGE_CASES = ['memory', 'fork_cow', 'thp', 'secret_reuse', 'secret_replug', 'resize'];
/** What the configuration cannot turn on. Each makes a page cost about twice the time. */
const PAGE_CHECKS: readonly (readonly [what: string, kernel_arguments: readonly string[]])[] = [
  ['cleared', ['init_on_free=1']],
  ['poisoned and told with their owner', ['page_poison=1', 'page_owner=on']],
];

onDebugKernel('the selftests pass on the debug kernel, no splat, no leak', async (t) => {
  const kernel_arguments = ['kunit.enable=0'];
  const guest = await bootOrdinary(t, { ...SPLIT, ...DEBUG, kernel_arguments }, RUN_MS);
  const expected = { pass_min: 50, partitions: 2, deadline_ms: RUN_MS };
  await selftestsPass(t, guest, expected, { HOTMEM_STRESS: '20' });
  t.deepEqual(await leaks(guest), []);
  await noSplat(t, guest);
});

for (const [what, checks] of PAGE_CHECKS) {
  onDebugKernel(`free pages are ${what} and not mapped, and nothing trips over them`, async (t) => {
    const kernel_arguments = [...checks, 'debug_pagealloc=on', 'kunit.enable=0'];
    const guest = await bootOrdinary(t, { ...SPLIT, ...DEBUG, kernel_arguments }, RUN_MS);
    const expected = { pass_min: PAGE_CASES.length, partitions: 2, deadline_ms: RUN_MS };
    await selftestsPass(t, guest, expected, { HOTMEM_CASES: PAGE_CASES.join(',') });
  });
}
