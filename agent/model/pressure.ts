/** What the host has of memory, and how much the agent gives back where that is little. Pure. */
import type { CoreConfig } from './config.ts';

/** The host's own word, from the kernel. */
export interface HostMemoryTold {
  /** Could be had without swapping: MemAvailable, or less where a memory cgroup allows less. */
  readonly available_bytes: number;
  /** What the VMM processes hold already; null: not known. */
  readonly resident_bytes: number | null;
  /** PSI: of the last 10 s, percent in which some task waited for memory; null: not told. */
  readonly some_percent: number | null;
  /** The same of all tasks. */
  readonly full_percent: number | null;
}

/** What is given back, or not given, at each level; a level does what those before it do too. */
export const PRESSURE_LEVELS = [
  /** Nothing. */
  'none',
  /** Regions that are plugged ahead of starts are emptied, and none is plugged. */
  'reserve',
  /** Idle instances end, the longest idle first, until as much is free as the host keeps. */
  'idle',
  /** Nothing in use grows. */
  'growth',
  /** No instance and no VM starts. */
  'starts',
] as const;
export type PressureLevel = (typeof PRESSURE_LEVELS)[number];

export interface PressureState {
  readonly level: PressureLevel;
  readonly since_ms: number;
  /** Since when there was enough for the level below; null: there is not. */
  readonly calm_since_ms: number | null;
}

export const NO_PRESSURE: PressureState = { level: 'none', since_ms: 0, calm_since_ms: null };

/** A level begins where less is available than this part of what the host keeps. */
const AVAILABLE_BELOW: Readonly<Record<PressureLevel, number>> = {
  none: Number.POSITIVE_INFINITY,
  reserve: 1,
  idle: 0.75,
  growth: 0.5,
  starts: 0.25,
};

/** Or where tasks wait so much (percent), and less than twice of what is kept is available. */
const SOME_PERCENT: Partial<Readonly<Record<PressureLevel, number>>> = { reserve: 10, idle: 20 };
const FULL_PERCENT: Partial<Readonly<Record<PressureLevel, number>>> = { growth: 10, starts: 25 };
const PSI_BELOW = 2;
/** A level ends only where this much more is available than where it begins. */
const CALM = 1.25;

/** The level in force after the host was looked at: up at once, down a level at a time. */
export function nextPressure(
  before: PressureState,
  told: HostMemoryTold | null,
  { host_keep_bytes, pressure_calm_ms }: CoreConfig,
  now_ms: number,
): PressureState {
  if (!told || host_keep_bytes === null) return before.level === 'none' ? before : NO_PRESSURE;
  const at = PRESSURE_LEVELS.indexOf(before.level);
  const measured = levelOf(told, host_keep_bytes);
  if (measured > at) return stateAt(measured, now_ms);
  if (at === 0 || levelOf(told, host_keep_bytes * CALM) >= at) {
    return before.calm_since_ms === null ? before : { ...before, calm_since_ms: null };
  }
  const calm_since_ms = before.calm_since_ms ?? now_ms;
  if (now_ms - calm_since_ms < pressure_calm_ms) return { ...before, calm_since_ms };
  return stateAt(at - 1, now_ms);
}

function stateAt(index: number, since_ms: number): PressureState {
  return { level: PRESSURE_LEVELS[index] ?? 'none', since_ms, calm_since_ms: null };
}

/** The place of the highest level that begins there. */
function levelOf(told: HostMemoryTold, keep_bytes: number): number {
  const { available_bytes } = told;
  const some_percent = told.some_percent ?? 0;
  const full_percent = told.full_percent ?? 0;
  const is_near = available_bytes < keep_bytes * PSI_BELOW;
  return PRESSURE_LEVELS.findLastIndex(
    (level) =>
      available_bytes < keep_bytes * AVAILABLE_BELOW[level] ||
      (is_near && some_percent >= (SOME_PERCENT[level] ?? Infinity)) ||
      (is_near && full_percent >= (FULL_PERCENT[level] ?? Infinity)),
  );
}

/** Whether what is done at `level` is done now. */
export function isPressed({ level: now }: PressureState, level: PressureLevel): boolean {
  return PRESSURE_LEVELS.indexOf(now) >= PRESSURE_LEVELS.indexOf(level);
}

/** Most that the host can give all VMs together, by its own word; null: it is not known. */
export function hostCanGiveBytes(
  told: HostMemoryTold | null,
  host_keep_bytes: number | null,
): number | null {
  if (!told || told.resident_bytes === null || host_keep_bytes === null) return null;
  return Math.max(0, told.resident_bytes + told.available_bytes - host_keep_bytes);
}
