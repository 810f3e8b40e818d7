/**
 * `npm test`: the checks (format, lint, types, dead code), the guest images, then the tests: first
 * those that need no VM, side by side, then those with real VMs, few at a time; with
 * HOTPLANE_DEBUG_KERNEL set those on the debug kernel too, with HOTPLANE_ARM64 set those on arm64.
 * HOTPLANE_WITHIN_MIN bounds the whole run: the last two are left out where they would not end in
 * time, and a step that is still running then is ended and has failed. The tests on these two are
 * left out as well where they passed with the same kernel, tests and QEMU before; HOTPLANE_AGAIN=1
 * runs them all the same.
 * Ends with what failed, and `N passed, N failed`; a check counts as one test.
 *
 *   --only-checks   the checks alone (`npm run check`)
 *   --quick         what needs no VM, no root and no Debian package (`npm run test:quick`)
 *   --coverage      the same, with what is covered line by line (`npm run coverage`)
 *   --watch         the same, and again whatever a change concerns (`npm run test:watch`)
 *   WORD...         only the steps whose name has one of the words
 */
import { parseArgs } from 'node:util';
import { formatMs } from '../base/units.ts';
import { contentKey, isBuilt, passedAt, remember } from './passed.ts';
import { QUICK } from './quick.ts';
import { runStage } from './run-stage.ts';
import { ARM64_TESTS, CHECKS, DEBUG_TESTS, TESTS, ava, covered, type Stage } from './stages.ts';
import { emptyTally } from './tap.ts';
import { type Failure, tellFailures } from './told-failures.ts';

/** Set, e.g. by .ci/run, it adds what takes long: the debug kernel, and the tests on it. */
const DEBUG_KERNEL = process.env['HOTPLANE_DEBUG_KERNEL'];
/** Set, it adds a kernel and tests on another machine, which is emulated. */
const ARM64 = process.env['HOTPLANE_ARM64'];
const AGAIN = process.env['HOTPLANE_AGAIN'];
const WITHIN_MS = Number(process.env['HOTPLANE_WITHIN_MIN'] ?? Infinity) * 60_000;

/** What the options ask for; words on the command line choose among it. */
function stagesOf(options: Readonly<Record<string, boolean>>, words: readonly string[]): Stage[] {
  if (options['watch']) {
    const patterns = words.length > 0 ? words : QUICK;
    return [{ name: 'watch', command: ['ava', '--watch', ...patterns], kind: 'check' }];
  }
  const all = (): readonly Stage[] => {
    if (options['only-checks']) return CHECKS;
    if (options['quick']) return [ava('quick tests', 2, QUICK)];
    if (options['coverage']) return [covered(['text', 'html'])];
    const more = [...(DEBUG_KERNEL ? DEBUG_TESTS : []), ...(ARM64 ? ARM64_TESTS : [])];
    return [...CHECKS, ...TESTS, ...more];
  };
  return all().filter(({ name }) => words.length === 0 || words.some((one) => name.includes(one)));
}

const say = (text: string): void => void process.stdout.write(`== ${text}\n`);

async function wantedMs({ builds, wants_ms = 0 }: Stage): Promise<number> {
  return builds && (await isBuilt(builds)) ? 0 : wants_ms;
}

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    options: { 'only-checks': flag, quick: flag, coverage: flag, watch: flag },
    allowPositionals: true,
  });
  const chosen = stagesOf(values, positionals);
  let total = emptyTally();
  const failures: Failure[] = [];
  for (const [index, stage] of chosen.entries()) {
    process.stdout.write(`\n== step ${index + 1} of ${chosen.length}: ${stage.name}\n`);
    const began_ms = performance.now();
    const key = stage.depends_on ? await contentKey(stage.depends_on) : null;
    const at = key === null || AGAIN ? null : passedAt(key);
    if (at !== null) {
      say(`${stage.name}: passed on ${at} with the same kernel, tests and QEMU`);
      continue;
    }
    const left_ms = WITHIN_MS - began_ms;
    if (left_ms < (await wantedMs(stage))) {
      say(`${stage.name}: left out, ${formatMs(began_ms)} are gone already`);
      break;
    }
    const tally = await runStage(stage, left_ms);
    if (key !== null && tally.failed === 0)
      await remember(key, { stage: stage.name, at: new Date().toISOString() });
    failures.push(...tally.failures);
    total = { passed: total.passed + tally.passed, failed: total.failed + tally.failed };
    const elapsed = formatMs(performance.now() - began_ms);
    say(`${stage.name}: ${tally.failed ? 'FAILED' : 'ok'} in ${elapsed}`);
    if (stage.required && tally.failed > 0) break;
  }
  process.stdout.write(tellFailures(failures));
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main();
