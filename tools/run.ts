/**
 * `npm test`: the checks (format, lint, types, dead code), the guest images, then the tests: first
 * those that need no VM, side by side, then those with real VMs, few at a time; with
 * HOTPLANE_DEBUG_KERNEL set those on the debug kernel too, with HOTPLANE_ARM64 set those on arm64.
 * HOTPLANE_ARM64_WITHIN_MIN leaves the latter out where the run has taken longer by then.
 * Ends with `N passed, N failed`; a check counts as one test.
 *
 *   --only-checks   the checks alone (`npm run check`)
 *   --quick         what needs no VM, no root and no Debian package (`npm run test:quick`)
 *   --coverage      the same, with what is covered line by line (`npm run coverage`)
 *   --watch         the same, and again whatever a change concerns (`npm run test:watch`)
 *   WORD...         only the steps whose name has one of the words
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { delimiter, join } from 'node:path';
import { PROJECT_ROOT } from '../base/paths.ts';
import { formatMs } from '../base/units.ts';
import { NOT_QUICK, QUICK } from './quick.ts';
import { tallyTapLine, emptyTally, type Tally } from './tap.ts';

interface Stage {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** `check` counts as one test by its exit code; `tap` by the lines it prints. */
  readonly kind: 'check' | 'tap';
  /** Variables that are exchanged; undefined removes one. */
  readonly env?: NodeJS.ProcessEnv;
  /** A failure here makes the later stages pointless. */
  readonly required?: boolean;
  /** It and all after it are left out, and that is said, where the run has taken longer by then. */
  readonly begins_within_ms?: number;
}

/** A stage that runs test files with ava, `files` at a time. */
const ava = (name: string, files: number, patterns: readonly string[]): Stage => ({
  name,
  command: ['ava', '--tap', '--concurrency', String(files), ...patterns],
  kind: 'tap',
});

/**
 * The quick tests, and whether they still cover as much as .c8rc.json says. Compiled code that was
 * kept is counted less exactly, so none is used here.
 */
const covered = (reporters: readonly string[]): Stage => {
  const tests = ava('quick tests without a VM, with coverage', 2, QUICK);
  const reports = reporters.flatMap((name) => ['--reporter', name]);
  return {
    ...tests,
    command: ['c8', ...reports, ...tests.command],
    env: { NODE_COMPILE_CACHE: undefined },
  };
};

/** A stage that builds guest images. */
const images = (name: string, variant: string, ...more: readonly string[]): Stage => ({
  name,
  command: [process.execPath, 'cli/main.ts', 'images', 'build', '--variant', variant, ...more],
  kind: 'check',
  required: true,
});

/** Set, e.g. by .ci/run, it adds what takes long: the debug kernel, and the tests on it. */
const DEBUG_KERNEL = process.env['HOTPLANE_DEBUG_KERNEL'];
const DEBUG_FILES = ['debug', 'kunit', 'stress'].map(
  (name) => `test/guest-kernel-patches/${name}.vm.test.ts`,
);

/** Set, it adds a kernel and tests on another machine, which is emulated. */
const ARM64 = process.env['HOTPLANE_ARM64'];
const ARM64_WITHIN_MS = Number(process.env['HOTPLANE_ARM64_WITHIN_MIN'] ?? Infinity) * 60_000;
const ARM64_FILE = 'test/guest-kernel-patches/arm64.vm.test.ts';

const CHECKS: readonly Stage[] = [
  { name: 'format', command: ['biome', 'format', '.'], kind: 'check' },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'], kind: 'check' },
  { name: 'types', command: ['tsc', '-p', '.'], kind: 'check' },
  { name: 'dead code', command: ['knip', '--no-progress'], kind: 'check' },
];

/**
 * Real-VM tests are named `*.vm.test.ts`; two files at a time are what two cores
 * can carry. The selftests of the series watch the clock, so they run alone.
 */
const TESTS: readonly Stage[] = [
  images('guest images', 'all'),
  covered(['text-summary']),
  ava('other tests without a VM', 2, NOT_QUICK),
  ava('selftests of the kernel series', 1, [
    'test/guest-kernel-patches/*.vm.test.ts',
    ...[...DEBUG_FILES, ARM64_FILE].map((file) => `!${file}`),
  ]),
  ava('tests with real VMs', 2, [
    'test/**/*.vm.test.ts',
    '!test/guest-kernel-patches/*.vm.test.ts',
  ]),
];

/** They come last: the others tell sooner what is wrong. */
const DEBUG_TESTS: readonly Stage[] = [
  images('debug kernel', 'debug'),
  ava('selftests, KUnit and stress on the debug kernel', 2, DEBUG_FILES),
];

const ARM64_TESTS: readonly Stage[] = [
  { ...images('arm64 kernel', 'hotmem', '--arch', 'arm64'), begins_within_ms: ARM64_WITHIN_MS },
  ava('selftests and stress on arm64', 1, [ARM64_FILE]),
];

/** The tests start hundreds of processes; each finds its sources compiled. */
function environment(stage: Stage): NodeJS.ProcessEnv {
  const bin = join(PROJECT_ROOT, 'node_modules', '.bin');
  return {
    NODE_COMPILE_CACHE: join(PROJECT_ROOT, 'node_modules', '.cache', 'node'),
    ...process.env,
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    ...stage.env,
  };
}

/** Runs one stage, passing its output on; returns what it adds to the tally. */
async function runStage(stage: Stage): Promise<Tally> {
  const [command, ...args] = stage.command;
  const child = spawn(command, args, {
    cwd: PROJECT_ROOT,
    env: environment(stage),
    stdio: [
      stage.kind === 'tap' ? 'ignore' : 'inherit',
      stage.kind === 'tap' ? 'pipe' : 'inherit',
      'inherit',
    ],
  });
  let tally = emptyTally();
  const closed = new Promise<number>((resolve) => {
    child.once('error', (error) => {
      process.stderr.write(`${stage.name}: cannot run ${command}: ${error.message}\n`);
      resolve(1);
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      process.stdout.write(`${line}\n`);
      tally = tallyTapLine(tally, line);
    }
  }
  const code = await closed;
  if (stage.kind === 'check')
    return code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
  const silent = tally.failed === 0 && (code !== 0 || tally.passed === 0);
  return silent ? { passed: tally.passed, failed: 1 } : tally;
}

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

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    options: { 'only-checks': flag, quick: flag, coverage: flag, watch: flag },
    allowPositionals: true,
  });
  const chosen = stagesOf(values, positionals);
  let total = emptyTally();
  for (const [index, stage] of chosen.entries()) {
    process.stdout.write(`\n== step ${index + 1} of ${chosen.length}: ${stage.name}\n`);
    const began_ms = performance.now();
    if (began_ms > (stage.begins_within_ms ?? Infinity)) {
      process.stdout.write(`== ${stage.name}: left out, ${formatMs(began_ms)} are gone already\n`);
      break;
    }
    const tally = await runStage(stage);
    total = { passed: total.passed + tally.passed, failed: total.failed + tally.failed };
    const elapsed = formatMs(performance.now() - began_ms);
    process.stdout.write(`== ${stage.name}: ${tally.failed ? 'FAILED' : 'ok'} in ${elapsed}\n`);
    if (stage.required && tally.failed > 0) break;
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main();
