/**
 * Goal: partitions and driver do what they should, whatever the host answers. Method: KUnit, which
 * the debug kernel runs at boot; its results from the console. With HOTPLANE_DEBUG_KERNEL=1 only.
 */
import type { ExecutionContext } from 'ava';
import { leaks } from './files-program.ts';
import { type KunitSuite, parseKunit } from './kunit.ts';
import { bootOrdinary, DEBUG, noSplat, onDebugKernel } from './selftest-checks.ts';

const KUNIT_MS = 900_000;
/** Partitions, several of them together, and the driver with a host that misbehaves. */
const SUITES = ['hotmem', 'hotmem_set', 'hotmem_host'];

function passesKunit(t: ExecutionContext, suite: string, result: KunitSuite | null): void {
  t.log(`KUnit ${suite}: ${result?.cases.length ?? 0} of ${result?.planned ?? 0} cases`);
  t.is(result?.outcome, 'pass', suite);
  t.true(result && result.cases.length > 0 && result.cases.length === result.planned);
  const others = result?.cases.filter(({ outcome }) => outcome !== 'pass');
  t.deepEqual(others, [], suite);
}

onDebugKernel('KUnit passes on the debug kernel, no splat, no leak', async (t) => {
  const guest = await bootOrdinary(t, DEBUG, KUNIT_MS);
  const boot_log = (await guest.lines()).join('\n');
  for (const suite of SUITES) passesKunit(t, suite, parseKunit(boot_log, suite));
  t.deepEqual(await leaks(guest), []);
  await noSplat(t, guest);
});
