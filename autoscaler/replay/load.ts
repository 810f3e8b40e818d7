/**
 * What a machine did between two looks at its counters: our own share of its CPU, the others', and
 * what waited. Pure: texts of /proc in, shares out; null for what a look could not read.
 */
import type { LoadLine } from '../results/schema.ts';

/** Counters of one look. All of them only grow, except `mem_available_bytes`. */
export interface LoadSample {
  /** The host's clock (base/clock.ts). */
  readonly at_ms: number;
  readonly cpu: CpuTicks | null;
  /** Of replay, agent and its VMMs, with what their ended children used. */
  readonly own_ticks: number | null;
  readonly psi_cpu_some_us: number | null;
  readonly psi_memory_some_us: number | null;
  readonly mem_available_bytes: number | null;
  /** The worst since the look before. */
  readonly event_loop_lag_ms: number | null;
}

/** Clock ticks of all CPUs since boot. */
export interface CpuTicks {
  readonly total: number;
  readonly idle: number;
  readonly steal: number;
}

/** Fields of the `cpu` line that are time of their own; `guest` is part of `user` (proc(5)). */
const CPU_FIELDS = 8;
const IDLE = 3;
const IOWAIT = 4;
const STEAL = 7;
/** utime, stime, cutime, cstime: fields 14 to 17, counted from the one behind the name (3). */
const PROCESS_TIMES = [11, 12, 13, 14] as const;

/** The first line of /proc/stat; null when it is not that. */
export function parseCpuTicks(text: string): CpuTicks | null {
  const [name, ...rest] = text.split('\n', 1)[0]?.trim().split(/\s+/) ?? [];
  const fields = rest.slice(0, CPU_FIELDS).map(Number);
  const [idle, iowait, steal] = [fields[IDLE], fields[IOWAIT], fields[STEAL] ?? 0];
  if (name !== 'cpu' || idle === undefined || iowait === undefined) return null;
  const total = fields.reduce((sum, ticks) => sum + ticks, 0);
  return Number.isFinite(total) ? { total, idle: idle + iowait, steal } : null;
}

/** CPU ticks of /proc/PID/stat, those of its ended children included; null when it is not that. */
export function parseProcessTicks(text: string): number | null {
  // The name may hold spaces and brackets: what counts comes behind the last bracket.
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  const ticks = PROCESS_TIMES.reduce((sum, at) => sum + Number(fields[at]), 0);
  return Number.isFinite(ticks) ? ticks : null;
}

/** `total=` of the `some` line of /proc/pressure/X, in microseconds. */
export function parsePressureSome(text: string): number | null {
  const total = /^some .*\btotal=(\d+)/m.exec(text)?.[1];
  return total === undefined ? null : Number(total);
}

/** A line of /proc/meminfo in bytes. */
export function parseMeminfo(text: string, name: string): number | null {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
  return kib === undefined ? null : Number(kib) * 1024;
}

/** What happened between two looks; a counter that ran backwards is not known. */
export function loadBetween(
  before: LoadSample,
  after: LoadSample,
): Omit<LoadLine, 'mechanism' | 'at_ms'> {
  const interval_ms = Math.max(0, after.at_ms - before.at_ms);
  return {
    interval_ms: Math.round(interval_ms * 1000) / 1000,
    ...cpuShares(before, after),
    psi_cpu_some_share: waited(before.psi_cpu_some_us, after.psi_cpu_some_us, interval_ms),
    psi_memory_some_share: waited(before.psi_memory_some_us, after.psi_memory_some_us, interval_ms),
    event_loop_lag_ms: after.event_loop_lag_ms,
    mem_available_bytes: after.mem_available_bytes,
  };
}

type CpuShares = Pick<LoadLine, 'other_cpu_share' | 'own_cpu_share' | 'steal_share'>;

/** What others used is what was busy and neither stolen nor ours. */
function cpuShares(before: LoadSample, after: LoadSample): CpuShares {
  const none = { other_cpu_share: null, own_cpu_share: null, steal_share: null };
  if (!before.cpu || !after.cpu) return none;
  const total = after.cpu.total - before.cpu.total;
  const idle = after.cpu.idle - before.cpu.idle;
  const steal = after.cpu.steal - before.cpu.steal;
  if (total <= 0 || idle < 0 || steal < 0) return none;
  const steal_share = toShare(steal / total);
  if (before.own_ticks === null || after.own_ticks === null) return { ...none, steal_share };
  const own = after.own_ticks - before.own_ticks;
  if (own < 0) return { ...none, steal_share };
  return {
    other_cpu_share: toShare((total - idle - steal - own) / total),
    own_cpu_share: toShare(own / total),
    steal_share,
  };
}

function waited(before: number | null, after: number | null, interval_ms: number): number | null {
  if (before === null || after === null || after < before || interval_ms <= 0) return null;
  return toShare((after - before) / (interval_ms * 1000));
}

/** Ticks of processes and of CPUs are counted in different ways: a little above 1 or below 0. */
function toShare(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;
}
