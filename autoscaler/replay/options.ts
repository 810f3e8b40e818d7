/** The options of `hotplane replay`, from text to checked values; one default is the host's. */
import { type Backing, BACKINGS, type MemorySpec } from '../../agent/model/spec.ts';
import { availableParallelism } from 'node:os';
import { LIMITS } from '../../base/limits.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { DEVICE_BLOCK_BYTES, parseBytes } from '../../base/units.ts';
import { MEMORY_MODELS, type MemoryModel } from '../workload-model/models.ts';
import { PAPER_KEEP_ALIVE_S } from '../policy/fixed-keep-alive.ts';
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import { badReplayOption } from './errors.ts';
import { type AskedFailure, parseFailures } from './failures.ts';
import { type Course, COURSES } from './course.ts';
import type { Concurrency } from './plan.ts';
import type { ProfileMapping } from '../workload-model/assign.ts';
import { type FunctionChoice, readChoice } from '../trace/choice.ts';
import { type Grouping, GROUPINGS } from '../trace/select.ts';
import type { TimeWindow } from '../trace/window.ts';

export interface ReplayOptions {
  readonly trace: string;
  /** The part of the trace that is replayed; null: all of it. */
  readonly window: TimeWindow | null;
  readonly out: string;
  readonly mechanisms: readonly MechanismName[];
  readonly speedup: number;
  /** Multiply what the trace tells, apart from each other, before the speedup. */
  /** Of the run's own time, before the measured window. */
  readonly warm_up_s: number;
  readonly gap_scale: number;
  readonly duration_scale: number;
  /** Of which functions of the trace; null: of all. */
  readonly choice: FunctionChoice | null;
  readonly functions: number;
  readonly grouping: Grouping;
  readonly concurrency: Concurrency;
  readonly keep_alive_s: number;
  readonly memory_model: MemoryModel;
  readonly memory_map: ProfileMapping;
  readonly memory_scale: number;
  readonly touched_share: number;
  readonly file_share: number;
  readonly cpu_share: number;
  /** How the memory of instances follows its use; null: it does not. */
  readonly memory: MemorySpec | null;
  readonly course: Course;
  readonly most_vcpus: number;
  readonly boot_base_bytes: number;
  readonly backing: Backing;
  readonly init_on_alloc: boolean;
  readonly guest_huge_pages: boolean;
  /** Kernel of the mechanisms that need no patch: with the series switched off, or untouched. */
  readonly guest_kernel: 'series' | 'untouched';
  readonly vmm: string;
  readonly seed: number;
  /** How often the plan is replayed under each mechanism. */
  readonly rounds: number;
  /** Brought about on purpose, under each mechanism. */
  readonly failures: readonly AskedFailure[];
  /** Socket of a running agent; null: start one of our own. */
  readonly agent: string | null;
  /** Most memory of the VMs of the agent that is started; null: what the agent finds right. */
  readonly host_limit_bytes: number | null;
  /** Every option but the folder as text, defaults included: what the manifest keeps. */
  readonly texts: Readonly<Record<string, string>>;
}

export interface ReplayOption {
  readonly value: string;
  readonly default?: string;
  readonly summary: string;
}

/** Every option with its default and meaning; `hotplane replay --help` prints this. */
export const REPLAY_OPTIONS = {
  trace: {
    value: 'FILE',
    summary:
      'a trace as published (see trace inspect); several files, with commas, are one; ' +
      'required without --from',
  },
  out: {
    value: 'DIR',
    summary: 'result folder; must not hold results yet; required without --from',
  },
  from: {
    value: 'DIR',
    summary: 'repeat the run of this result folder: its options, but for those given here',
  },
  begin: {
    value: 'SEC',
    default: '0',
    summary: "of the trace's time: what arrives before is left out",
  },
  duration: { value: 'SEC', summary: "of the trace's time from --begin on (default: to its end)" },
  mechanism: {
    value: 'LIST',
    default: 'static,virtio-mem',
    summary: `comma-separated, replayed in turn: ${MECHANISMS.names.join(', ')}`,
  },
  speedup: { value: 'S', default: '1', summary: 'divides gaps, durations and keep-alive alike' },
  'warm-up': {
    value: 'SEC',
    default: '0',
    summary: "of the run's time: calls in it are made and recorded, and counted in no figure",
  },
  'gap-scale': { value: 'F', default: '1', summary: 'multiplies the gaps between arrivals alone' },
  'duration-scale': { value: 'F', default: '1', summary: 'multiplies durations alone' },
  only: { value: 'LIST', summary: 'functions and apps by name, or by the start of it' },
  trigger: { value: 'LIST', summary: 'functions with these triggers, e.g. http,timer' },
  percentile: {
    value: 'A-B',
    summary: 'functions by their number of calls, of all: 0-50 the half called least',
  },
  functions: {
    value: 'K',
    default: '4',
    summary: 'the K most invoked functions, of those chosen at most all',
  },
  group: {
    value: 'HOW',
    default: 'function',
    summary: 'what gets a VM: each function, or each app with all its functions',
  },
  concurrency: {
    value: 'N',
    default: 'peak',
    summary: 'most instances of one function VM; peak: what each needs for nobody to wait',
  },
  'keep-alive': {
    value: 'SEC',
    default: String(PAPER_KEEP_ALIVE_S),
    summary: "in the trace's time, before --speedup",
  },
  'memory-model': { value: 'NAME', default: 'hotmem-paper', summary: 'where sizes come from' },
  'memory-map': {
    value: 'HOW',
    default: 'rank',
    summary: 'which function gets which size: rank, or random (by --seed)',
  },
  'memory-scale': {
    value: 'F',
    default: '1',
    summary: 'multiplies every memory limit, rounded up to 128 MiB',
  },
  'touched-share': {
    value: 'F',
    default: '0.75',
    summary: 'share of the limit an invocation touches as anonymous memory',
  },
  'file-share': { value: 'F', default: '0.05', summary: 'share of the limit mapped from files' },
  'cpu-share': { value: 'F', default: '0.05', summary: 'share of each duration that is computed' },
  baseline: {
    value: 'SIZE',
    summary: 'memory of an instance at its start, which then follows its use (not static)',
  },
  increment: { value: 'SIZE', summary: 'one step of growth; either of the two makes it follow' },
  course: {
    value: 'NAME',
    default: 'flat',
    summary: 'memory during an invocation: flat, or train (load, split, train, validate)',
  },
  'max-vcpus': {
    value: 'N',
    default: String(Math.min(2, availableParallelism())),
    summary: 'upper bound of the vCPUs of a VM (vCPU share x N below it)',
  },
  'boot-memory': {
    value: 'SIZE',
    default: '256MiB',
    summary: 'ordinary memory of a VM, before memory maps and file cache',
  },
  backing: {
    value: 'KIND',
    default: 'anonymous',
    summary: 'anonymous, memfd or huge memory of the VMM',
  },
  'init-on-alloc': { value: '0|1', default: '0', summary: 'guest kernel zeroes at allocation' },
  'guest-huge-pages': {
    value: '0|1',
    default: '0',
    summary: 'transparent huge pages in the guest',
  },
  'guest-kernel': {
    value: 'NAME',
    default: 'series',
    summary: 'of static, virtio-mem, numa: series (one kernel for all, switched off) or untouched',
  },
  vmm: { value: 'NAME', default: 'auto', summary: 'passed to the agent that is started' },
  seed: { value: 'X', default: '1', summary: 'for everything random; recorded in the manifest' },
  fail: {
    value: 'LIST',
    summary: 'bring failures about: kill-vmm, stall-vmm or kill-agent, e.g. kill-vmm@5/1',
  },
  rounds: {
    value: 'R',
    default: '1',
    summary: 'replay all of it R times, each round beginning with another mechanism',
  },
  agent: { value: 'SOCKET', summary: 'use a running agent instead of starting one' },
  'host-limit': {
    value: 'SIZE',
    summary: 'most host memory of all VMs; passed to the agent that is started',
  },
} as const satisfies Record<string, ReplayOption>;

/** Where a run is written, and beside how many others, says nothing about it. */
const NOT_KEPT: ReadonlySet<string> = new Set(['out', 'from', 'rounds']);

export type ReplayOptionName = keyof typeof REPLAY_OPTIONS;
export type RawReplayOptions = Readonly<Partial<Record<string, string | undefined>>>;

/** Throws `HP_REPLAY_OPTION`, `HP_TRACE_CHOICE` with the first option that does not hold. */
export function parseReplayOptions(raw: RawReplayOptions): ReplayOptions {
  const read = (name: ReplayOptionName): string => {
    const option: ReplayOption = REPLAY_OPTIONS[name];
    const fallback = option.default;
    const value = raw[name] ?? fallback;
    if (value === undefined || value === '')
      throw badReplayOption(name, '', 'it is required without --from');
    return value;
  };
  const number = (name: ReplayOptionName, least: number, most: number): number => {
    const text = read(name);
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw badReplayOption(name, text, `a number from ${least} to ${most} is needed`);
  };
  const whole = (name: ReplayOptionName, least: number, most: number): number => {
    const value = number(name, least, most);
    if (Number.isInteger(value)) return value;
    throw badReplayOption(name, read(name), 'a whole number is needed');
  };
  const choice = <T extends string>(name: ReplayOptionName, choices: readonly T[]): T => {
    const found = choices.find((one) => one === read(name));
    if (found !== undefined) return found;
    throw badReplayOption(name, read(name), `one of ${choices.join(', ')} is needed`);
  };
  const factor = (name: ReplayOptionName): number => {
    const value = number(name, 0, 1e6);
    if (value > 0) return value;
    throw badReplayOption(name, '0', 'it must be above 0');
  };
  const memory_scale = number('memory-scale', 0, 64);
  if (memory_scale === 0) throw badReplayOption('memory-scale', '0', 'it must be above 0');
  const speedup = factor('speedup');
  return {
    trace: read('trace'),
    window: parseWindow(raw, number),
    out: read('out'),
    mechanisms: parseMechanisms(read('mechanism')),
    speedup,
    warm_up_s: parseWarmUp(read('warm-up')),
    gap_scale: factor('gap-scale'),
    duration_scale: factor('duration-scale'),
    choice: parseChoice(raw),
    functions: whole('functions', 1, REPLAY_LIMITS.functions),
    grouping: choice('group', GROUPINGS),
    concurrency:
      read('concurrency') === 'peak' ? 'peak' : whole('concurrency', 1, LIMITS.regions_per_vm),
    keep_alive_s: number('keep-alive', 0, (LIMITS.invocation_ms / 1000) * speedup),
    memory_model: parseModel(read('memory-model')),
    memory_map: choice('memory-map', ['rank', 'random']),
    memory_scale,
    ...parseShares(number),
    memory: parseMemory(raw),
    course: choice('course', COURSES),
    most_vcpus: whole('max-vcpus', 1, LIMITS.vcpus_per_vm),
    boot_base_bytes: parseSize('boot-memory', read('boot-memory')),
    backing: choice('backing', BACKINGS),
    init_on_alloc: choice('init-on-alloc', ['0', '1']) === '1',
    guest_huge_pages: choice('guest-huge-pages', ['0', '1']) === '1',
    guest_kernel: choice('guest-kernel', ['series', 'untouched']),
    vmm: read('vmm'),
    seed: whole('seed', 0, 2 ** 32 - 1),
    rounds: whole('rounds', 1, REPLAY_LIMITS.rounds),
    ...parseAgent(raw),
    failures: parseHarm(raw),
    texts: optionTexts(raw),
  };
}

function parseMemory(raw: RawReplayOptions): MemorySpec | null {
  const [baseline, increment] = [raw['baseline'], raw['increment']];
  if (baseline === undefined && increment === undefined) return null;
  return {
    baseline_bytes: baseline === undefined ? null : parseStep('baseline', baseline),
    increment_bytes: increment === undefined ? null : parseStep('increment', increment),
    history: false,
    grow_wait_ms: null,
    expression: null,
  };
}

function parseStep(name: ReplayOptionName, text: string): number {
  const bytes = parseSize(name, text);
  if (bytes >= DEVICE_BLOCK_BYTES && bytes <= LIMITS.function_bytes) return bytes;
  throw badReplayOption(name, text, 'a size of at least 2MiB is needed');
}

type NumberOf = (name: ReplayOptionName, least: number, most: number) => number;

/** Of a trace of 2019 there are 14 days; a year is more than any. */
const LONGEST_TRACE_S = 366 * 86_400;

function parseWindow(raw: RawReplayOptions, number: NumberOf): TimeWindow | null {
  const begin_ms = number('begin', 0, LONGEST_TRACE_S) * 1000;
  if (raw['duration'] === undefined && begin_ms === 0) return null;
  if (raw['duration'] === undefined) return { begin_ms, duration_ms: Number.POSITIVE_INFINITY };
  const duration_ms = number('duration', 0, LONGEST_TRACE_S) * 1000;
  if (duration_ms > 0) return { begin_ms, duration_ms };
  throw badReplayOption('duration', raw['duration'], 'it must be above 0');
}

/** Seconds, with or without their unit. */
function parseWarmUp(text: string): number {
  const found = /^(\d+(?:\.\d+)?)s?$/.exec(text);
  const value = found ? Number(found[1]) : Number.NaN;
  if (value <= LONGEST_TRACE_S) return value;
  throw badReplayOption('warm-up', text, 'seconds such as 60 or 60s are needed');
}

function parseShares(
  number: NumberOf,
): Pick<ReplayOptions, 'touched_share' | 'file_share' | 'cpu_share'> {
  const touched_share = number('touched-share', 0, 1);
  const file_share = number('file-share', 0, 1);
  if (touched_share + file_share > 1) {
    throw badReplayOption('file-share', String(file_share), 'with --touched-share it is above 1');
  }
  return { touched_share, file_share, cpu_share: number('cpu-share', 0, 1) };
}

function parseChoice({ only, trigger, percentile }: RawReplayOptions): FunctionChoice | null {
  return readChoice({ only, trigger, percentile });
}

function parseHarm({ fail, agent }: RawReplayOptions): readonly AskedFailure[] {
  if (fail === undefined) return [];
  if (agent === undefined) return parseFailures(fail);
  throw badReplayOption('fail', fail, 'a running agent (--agent) is not ours to harm');
}

function parseAgent(raw: RawReplayOptions): Pick<ReplayOptions, 'agent' | 'host_limit_bytes'> {
  const agent = raw['agent'] ?? null;
  const limit = raw['host-limit'];
  if (agent === '') throw badReplayOption('agent', '', 'a socket is needed');
  if (limit === undefined) return { agent, host_limit_bytes: null };
  if (agent !== null) {
    throw badReplayOption('host-limit', limit, 'a running agent (--agent) has a limit of its own');
  }
  return { agent, host_limit_bytes: parseSize('host-limit', limit) };
}

function optionTexts(raw: RawReplayOptions): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, option] of Object.entries<ReplayOption>(REPLAY_OPTIONS)) {
    const text = raw[name] ?? option.default;
    if (text !== undefined && !NOT_KEPT.has(name)) texts[name] = text;
  }
  return texts;
}

function parseMechanisms(text: string): MechanismName[] {
  const names = text.split(',').map((part) => {
    const found = MECHANISMS.find(part.trim());
    if (found !== undefined) return found.name;
    throw badReplayOption(
      'mechanism',
      text,
      `"${part}" is not one of ${MECHANISMS.names.join(', ')}`,
    );
  });
  if (new Set(names).size !== names.length) {
    throw badReplayOption('mechanism', text, 'each mechanism may be named once');
  }
  return names;
}

function parseModel(name: string): MemoryModel {
  const model = MEMORY_MODELS.get(name);
  if (model) return model;
  throw badReplayOption(
    'memory-model',
    name,
    `one of ${[...MEMORY_MODELS.keys()].join(', ')} is needed`,
  );
}

function parseSize(name: ReplayOptionName, text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== null && bytes > 0) return bytes;
  throw badReplayOption(name, text, 'a size such as 256MiB is needed');
}
