/** The options of `hotplane replay`, from text to checked values; one default is the host's. */
import { type Backing, BACKINGS, type MemorySpec } from '../../agent/model/spec.ts';
import { LIMITS } from '../../base/limits.ts';
import { REPLAY_LIMITS } from './limits.ts';
import { DEVICE_BLOCK_BYTES, parseBytes } from '../../base/units.ts';
import { MEMORY_MODELS, type MemoryModel } from '../workload-model/models.ts';
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import { badReplayOption } from './errors.ts';
import { REPLAY_OPTIONS, type ReplayOption, type ReplayOptionName } from './option-table.ts';
import { type AskedFailure, parseFailures } from './failures.ts';
import { type Course, COURSES } from './course.ts';
import type { Concurrency } from './plan.ts';
import { AUTOSCALER_POLICIES } from '../policy/registry.ts';
import type { ProfileMapping } from '../workload-model/assign.ts';
import { type FunctionChoice, readChoice } from '../trace/choice.ts';
import { type Grouping, GROUPINGS } from '../trace/select.ts';
import type { SpeedupChoice } from '../results/speedup-choice.ts';
import type { TimeWindow } from '../trace/window.ts';

export const WORK_KINDS = ['emulated', 'real'] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

/** Of --speedup: what this machine can carry, within bounds where they are given. */
const SPEEDUP_AUTO = /^auto(?::(?<least>[\d.]+)-(?<most>[\d.]+))?$/;

const SPEEDUP_MAX = 1e6;

/** Between which a speed-up is chosen, both among what can be chosen. */
export interface SpeedupBounds {
  readonly least: number;
  readonly most: number;
}

export interface ReplayOptions {
  readonly trace: string;
  /** The part of the trace that is replayed; null: all of it. */
  readonly window: TimeWindow | null;
  readonly out: string;
  readonly mechanisms: readonly MechanismName[];
  readonly speedup: number;
  /** It is still to be chosen by a calibration; until then it is 1. */
  readonly is_speedup_open: boolean;
  /** Of the one to be chosen; null: none, and a host that carries no speed-up is refused. */
  readonly speedup_bounds: SpeedupBounds | null;
  /** How it was chosen; null: somebody said it, or it is open. */
  readonly speedup_choice: SpeedupChoice | null;
  /** Of the run's own time, before the measured window. */
  readonly warm_up_s: number;
  /** Multiply what the trace tells, apart from each other, before the speedup. */
  readonly gap_scale: number;
  readonly duration_scale: number;
  /** Of which functions of the trace; null: of all. */
  readonly choice: FunctionChoice | null;
  readonly functions: number;
  /** Whether calls are emulated, or made of real programs that take about as long. */
  readonly work: WorkKind;
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
  /** Who decides in the agent that is started; null: who does so without being named. */
  readonly policy: string | null;
  /** Socket of a running agent; null: start one of our own. */
  readonly agent: string | null;
  /** Agents that are started; functions are spread over them. */
  readonly agents: number;
  /** Most memory of the VMs of all agents that are started; null: what one finds right. */
  readonly host_limit_bytes: number | null;
  /** Every option but the folder as text, defaults included: what the manifest keeps. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Where a run is written, and beside how many others, says nothing about it. */
const NOT_KEPT: ReadonlySet<string> = new Set(['out', 'from', 'rounds']);

export type RawReplayOptions = Readonly<Partial<Record<string, string | undefined>>>;

/** Throws `HP_REPLAY_OPTION`, `HP_TRACE_CHOICE` with the first option that does not hold. */
export function parseReplayOptions(given: RawReplayOptions): ReplayOptions {
  const raw = withRealWork(given);
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
    const value = number(name, 0, SPEEDUP_MAX);
    if (value > 0) return value;
    throw badReplayOption(name, '0', 'it must be above 0');
  };
  const memory_scale = number('memory-scale', 0, 64);
  if (memory_scale === 0) throw badReplayOption('memory-scale', '0', 'it must be above 0');
  const speedup = parseSpeedup(read('speedup'), factor);
  return {
    trace: read('trace'),
    window: parseWindow(raw, number),
    out: read('out'),
    mechanisms: parseMechanisms(read('mechanism')),
    ...speedup,
    warm_up_s: parseWarmUp(read('warm-up')),
    gap_scale: factor('gap-scale'),
    duration_scale: factor('duration-scale'),
    choice: parseChoice(raw),
    functions: whole('functions', 1, REPLAY_LIMITS.functions),
    work: parseWork(choice('work', WORK_KINDS), raw),
    grouping: choice('group', GROUPINGS),
    concurrency:
      read('concurrency') === 'peak' ? 'peak' : whole('concurrency', 1, LIMITS.regions_per_vm),
    keep_alive_s: number('keep-alive', 0, (LIMITS.invocation_ms / 1000) * speedup.speedup),
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

/** The same as if what was chosen had been said, and how it was chosen. */
export function withSpeedup(
  options: ReplayOptions,
  speedup: number,
  speedup_choice: SpeedupChoice | null,
): ReplayOptions {
  const texts = { ...options.texts, speedup: String(speedup) };
  return { ...options, speedup, is_speedup_open: false, speedup_choice, texts };
}

/** `--functions real` in the words of the two options that it is short for. */
function withRealWork(raw: RawReplayOptions): RawReplayOptions {
  if (raw['functions'] !== 'real') return raw;
  return { ...raw, functions: REPLAY_OPTIONS.functions.default, work: 'real' };
}

/** A number, or open until it is chosen. */
function parseSpeedup(
  text: string,
  factor: (name: ReplayOptionName) => number,
): Pick<ReplayOptions, 'speedup' | 'is_speedup_open' | 'speedup_bounds' | 'speedup_choice'> {
  const open = SPEEDUP_AUTO.exec(text);
  if (!open) {
    const speedup = factor('speedup');
    return { speedup, is_speedup_open: false, speedup_bounds: null, speedup_choice: null };
  }
  const { least, most } = open.groups ?? {};
  const speedup_bounds = least === undefined ? null : { least: Number(least), most: Number(most) };
  if (speedup_bounds && !isRange(speedup_bounds)) {
    const problem = 'auto:LEAST-MOST needs two numbers above 0, the lower one first';
    throw badReplayOption('speedup', text, problem);
  }
  return { speedup: 1, is_speedup_open: true, speedup_bounds, speedup_choice: null };
}

const isRange = ({ least, most }: SpeedupBounds): boolean =>
  least > 0 && least <= most && most <= SPEEDUP_MAX;

/** What only an emulation can be told is refused beside real programs. */
function parseWork(work: WorkKind, raw: RawReplayOptions): WorkKind {
  const { course, speedup = '' } = raw;
  if (work === 'real' && SPEEDUP_AUTO.test(speedup)) {
    const problem = 'the sizes of real programs (--work real) follow from a speed-up that is said';
    throw badReplayOption('speedup', speedup, problem);
  }
  if (work === 'real' && course !== undefined && course !== 'flat') {
    throw badReplayOption('course', course, 'real programs (--work real) go their own');
  }
  return work;
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

const POLICY_NAMES: readonly string[] = AUTOSCALER_POLICIES.map(({ name }) => name);

function parsePolicy(policy: string, agent: string | null): string {
  if (!POLICY_NAMES.includes(policy)) {
    throw badReplayOption('policy', policy, `one of ${POLICY_NAMES.join(', ')} is needed`);
  }
  if (agent === null) return policy;
  throw badReplayOption('policy', policy, 'a running agent (--agent) has a policy of its own');
}

type OfAgent = 'agent' | 'agents' | 'host_limit_bytes' | 'policy';

function parseAgent(raw: RawReplayOptions): Pick<ReplayOptions, OfAgent> {
  const agent = raw['agent'] ?? null;
  const agents = parseAgents(raw);
  const policy = raw['policy'] === undefined ? null : parsePolicy(raw['policy'], agent);
  const limit = raw['host-limit'];
  if (agent === '') throw badReplayOption('agent', '', 'a socket is needed');
  if (limit === undefined) return { agent, agents, policy, host_limit_bytes: null };
  if (agent !== null) {
    throw badReplayOption('host-limit', limit, 'a running agent (--agent) has a limit of its own');
  }
  return { agent, agents, policy, host_limit_bytes: parseSize('host-limit', limit) };
}

/** Several share what --host-limit says: each by itself would take all that the host has. */
function parseAgents({ agents, agent, fail, ...raw }: RawReplayOptions): number {
  if (agents === undefined) return 1;
  const count = /^\d+$/.test(agents) ? Number(agents) : Number.NaN;
  const refuse = (problem: string) => badReplayOption('agents', agents, problem);
  if (!(count >= 1 && count <= REPLAY_LIMITS.agents)) {
    throw refuse(`a whole number from 1 to ${REPLAY_LIMITS.agents} is needed`);
  }
  if (count === 1) return 1;
  if (agent !== undefined) throw refuse('a running agent (--agent) is one');
  if (raw['host-limit'] === undefined) {
    throw refuse('--host-limit must say what all of them share');
  }
  if (count > Number(raw['functions'] ?? REPLAY_OPTIONS.functions.default)) {
    throw refuse('there are fewer --functions than that, and each is of one agent');
  }
  if (fail?.includes('kill-agent')) {
    throw refuse('--fail kill-agent does not say which of them is killed');
  }
  return count;
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
