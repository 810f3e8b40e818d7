/** What `npm test` consists of: the stages, in their order. */
import type { DependsOn } from './passed.ts';
import { NOT_QUICK, QUICK } from './quick.ts';

const MINUTE_MS = 60_000;

export interface Stage {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** `check` counts as one test by its exit code; `tap` by the lines it prints. */
  readonly kind: 'check' | 'tap';
  /** Variables that are exchanged; undefined removes one. */
  readonly env?: NodeJS.ProcessEnv;
  /** A failure here makes the later stages pointless. */
  readonly required?: boolean;
  /**
   * It and all after it are left out, and that is said, where less time than this is left to the
   * run: what it takes on two cores, with what it is for.
   */
  readonly wants_ms?: number;
  /** The guest it builds: it wants no time where that is in the cache. */
  readonly builds?: DependsOn['guests'][number];
  /** It is left out, and that is said, where it passed with the same content before. */
  readonly depends_on?: DependsOn;
}

/** A stage that runs test files with ava, `files` at a time. */
export const ava = (name: string, files: number, patterns: readonly string[]): Stage => ({
  name,
  command: ['ava', '--tap', '--concurrency', String(files), ...patterns],
  kind: 'tap',
});

/**
 * The quick tests, and whether they still cover as much as .c8rc.json says. Compiled code that was
 * kept is counted less exactly, so none is used here.
 */
export const covered = (reporters: readonly string[]): Stage => {
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

const DEBUG = { variant: 'debug', arch: 'x86-64' } as const;
const ARM64 = { variant: 'hotmem', arch: 'arm64' } as const;

/** Test files that run on one kernel of the series and know nothing above it. */
const onKernel = (
  guest: DependsOn['guests'][number],
  vmm: string,
  files: readonly string[],
): DependsOn => ({
  guests: [guest],
  files: [...files, 'test/guest-kernel-patches/guest/*'],
  programs: [vmm],
  variables: ['HOTPLANE_DEBUG_KERNEL', 'HOTPLANE_ARM64', ...STRESS],
});

/** What test/guest-kernel-patches/stress.vm.test.ts and its like are told. */
const STRESS = ['CYCLES', 'SEED', 'MISCHIEF'].map((name) => `HOTPLANE_STRESS_${name}`);

const DEBUG_FILES = ['debug', 'kunit', 'stress'].map(
  (name) => `test/guest-kernel-patches/${name}.vm.test.ts`,
);

const ARM64_FILE = 'test/guest-kernel-patches/arm64.vm.test.ts';

export const CHECKS: readonly Stage[] = [
  { name: 'format', command: ['biome', 'format', '.'], kind: 'check' },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'], kind: 'check' },
  { name: 'types', command: ['tsc', '-p', '.'], kind: 'check' },
  { name: 'dead code', command: ['knip', '--no-progress'], kind: 'check' },
];

/**
 * Real-VM tests are named `*.vm.test.ts`; two files at a time are what two cores
 * can carry. The selftests of the series watch the clock, so they run alone.
 */
export const TESTS: readonly Stage[] = [
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
export const DEBUG_TESTS: readonly Stage[] = [
  { ...images('debug kernel', 'debug'), wants_ms: 50 * MINUTE_MS, builds: DEBUG },
  {
    ...ava('selftests, KUnit and stress on the debug kernel', 2, DEBUG_FILES),
    wants_ms: 48 * MINUTE_MS,
    depends_on: onKernel(DEBUG, 'qemu-system-x86_64', DEBUG_FILES),
  },
];

export const ARM64_TESTS: readonly Stage[] = [
  {
    ...images('arm64 kernel', 'hotmem', '--arch', 'arm64'),
    wants_ms: 45 * MINUTE_MS,
    builds: ARM64,
  },
  {
    ...ava('selftests and stress on arm64', 1, [ARM64_FILE]),
    wants_ms: 10 * MINUTE_MS,
    depends_on: onKernel(ARM64, 'qemu-system-aarch64', [ARM64_FILE]),
  },
];
