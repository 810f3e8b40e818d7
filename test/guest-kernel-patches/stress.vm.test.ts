/**
 * Goal: no leak, no splat and no partition that is stuck, whatever fails in the guest and whatever
 * the host does. Method: the `stress` case of the selftest program on the debug kernel, with 3 % of
 * the allocations of attached processes failing, while the host changes its mind, refuses and
 * delays. Then the books must balance, and everything must work as before. The case `breathe` is
 * for partitions in use: three threads touch and give back while the host takes the free end away
 * and gives it back to who waits for memory.
 *
 * Runs with HOTPLANE_DEBUG_KERNEL=1.
 *   HOTPLANE_STRESS_CYCLES   plug, attach, fork, exit, unplug, or what each thread does; default
 *                            200, the real thing is 10000
 *   HOTPLANE_STRESS_SEED     of the choices of guest and host; default 1
 *   HOTPLANE_STRESS_MISCHIEF percent of the requests that the host does not just obey; default 50.
 *                            What it refuses costs the guest 100 ms and more, so 5 with many cycles
 */
import type { ExecutionContext } from 'ava';
import { formatMs } from '../../base/units.ts';
import { ANSWERS_TRACE, answersOf } from './device-answers.ts';
import { leaks } from './files-program.ts';
import { parseInjected } from '../../bench/kernel/selftest-lines.ts';
import { booksBalance, bootOrdinary, DEBUG, noSplat, onDebugKernel } from './selftest-checks.ts';
import { PARTITION_BYTES } from './selftest-guest.ts';
import { ObedientHand, runSelftest, type SelftestRun } from '../../bench/kernel/selftest-run.ts';
import { STRESS_MONITOR, StressHost } from './stress-host.ts';

const CYCLES = Number(process.env['HOTPLANE_STRESS_CYCLES'] ?? 200);
const SEED = Number(process.env['HOTPLANE_STRESS_SEED'] ?? 1);
const PERCENT = Number(process.env['HOTPLANE_STRESS_MISCHIEF'] ?? 50);
/** A slow host with several others on it. */
const CYCLE_MS = 30_000;
const AFTER_MS = 1_200_000;
/** Mainline warns when the profiler of allocations is itself let fail (mm/slub.c). */
const NO_PROFILER = 'sysctl.vm.mem_profiling=never';

const AFTERWARDS = ['attach_empty', 'attach_before_plug', 'memory', 'fork_cow', 'resize'];

function passes(t: ExecutionContext, run: SelftestRun, cases: number): void {
  t.deepEqual(run.totals, { pass: cases, fail: 0, skip: 0 }, run.tail);
}

onDebugKernel('a partition survives failing allocations and a host that misbehaves', async (t) => {
  const deadline_ms = CYCLES * CYCLE_MS + AFTER_MS;
  const changes = {
    ...DEBUG,
    kernel_arguments: ['kunit.enable=0', NO_PROFILER],
    qemu_arguments: [...STRESS_MONITOR, ...ANSWERS_TRACE],
  };
  const guest = await bootOrdinary(t, changes, deadline_ms);
  const host = await StressHost.take(guest.run_dir, {
    seed: SEED,
    percent: PERCENT,
    region_bytes: PARTITION_BYTES,
  });
  t.teardown(() => host.close());
  t.log(`seed ${SEED}, ${CYCLES} cycles, ${PERCENT} % mischief`);
  const began_ms = performance.now();
  const env = {
    HOTMEM_CASES: 'stress',
    HOTMEM_STRESS: `${CYCLES}`,
    HOTMEM_INJECT: 'allocations',
    HOTMEM_SEED: `${SEED}`,
  };
  const run = await runSelftest(guest, host, { env, deadline_ms });
  const answers = await answersOf(guest.run_dir);
  t.log(`${formatMs(performance.now() - began_ms)}, host: ${JSON.stringify(host.done)}`);
  t.log(`answers of the device: ${JSON.stringify(answers)}`);
  const injected = (await guest.lines()).map(parseInjected).find((found) => found !== null);
  t.log(`failed in the guest: ${JSON.stringify(injected)}`);
  passes(t, run, 1);
  t.true((injected?.allocations ?? 0) > 0, 'allocations failed');
  t.deepEqual(host.trouble, []);
  t.true(answers.busy > 0, 'the device refused');
  t.is(answers.error, 0, 'the guest asked for nothing that makes no sense');
  await booksBalance(t, guest);

  const after = { env: { HOTMEM_CASES: AFTERWARDS.join(',') }, deadline_ms: AFTER_MS };
  passes(t, await runSelftest(guest, new ObedientHand(guest.vm), after), AFTERWARDS.length);
  await guest.vm.resizeRegion('r0', 0, { deadline_ms: AFTER_MS });
  await booksBalance(t, guest);
  t.deepEqual(await leaks(guest), []);
  await noSplat(t, guest);
});

onDebugKernel('a partition in use grows and shrinks while threads touch it', async (t) => {
  const deadline_ms = CYCLES * CYCLE_MS + AFTER_MS;
  const changes = { ...DEBUG, kernel_arguments: ['kunit.enable=0'] };
  const guest = await bootOrdinary(t, changes, deadline_ms);
  const began_ms = performance.now();
  const env = { HOTMEM_CASES: 'breathe', HOTMEM_STRESS: `${CYCLES}`, HOTMEM_SEED: `${SEED}` };
  const run = await runSelftest(guest, new ObedientHand(guest.vm), { env, deadline_ms });
  t.log(`seed ${SEED}, ${CYCLES} cycles a thread, ${formatMs(performance.now() - began_ms)}`);
  t.log((await guest.lines()).filter((line) => line.includes('# breathe:')).join('\n'));
  passes(t, run, 1);
  await guest.vm.resizeRegion('r0', 0, { deadline_ms: AFTER_MS });
  await booksBalance(t, guest);
  t.deepEqual(await leaks(guest), []);
  await noSplat(t, guest);
});
