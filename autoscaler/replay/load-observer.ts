/** Looks at /proc: the machine's CPU, pressure and memory, and the CPU of our own processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { REPLAY_LIMITS } from './limits.ts';
import {
  type LoadSample,
  parseCpuTicks,
  parseMeminfo,
  parsePressureSome,
  parseProcessTicks,
} from './load.ts';

export interface LoadObserver {
  /** `agent_pids` null: processes of agents are not known, so neither are the others' shares. */
  look(agent_pids: readonly number[] | null): LoadSample;
  close(): void;
}

/** Between two wake-ups that tell how late the event loop is. */
const LAG_INTERVAL_MS = 20;

/** Observes this machine; to be closed. `proc` is another folder in tests. */
export function observeLoad(clock: Clock, proc = '/proc'): LoadObserver {
  const lag = new EventLoopLag(clock);
  const read = (...path: string[]): string | null => readOrNull(join(proc, ...path));
  return {
    look: (agent_pids) => ({
      at_ms: clock.nowMs(),
      cpu: parse(read('stat'), parseCpuTicks),
      own_ticks: agent_pids === null ? null : treeTicks([process.pid, ...agent_pids], proc),
      psi_cpu_some_us: parse(read('pressure', 'cpu'), parsePressureSome),
      psi_memory_some_us: parse(read('pressure', 'memory'), parsePressureSome),
      mem_available_bytes: parse(read('meminfo'), (text) => parseMeminfo(text, 'MemAvailable')),
      event_loop_lag_ms: lag.take(),
    }),
    close: () => lag.close(),
  };
}

/**
 * Ticks of processes and all their descendants. An ended child's ticks move to its parent, so the
 * sum of a tree never loses any. Null when a root cannot be read.
 */
export function treeTicks(roots: readonly number[], proc = '/proc'): number | null {
  const seen = new Set<number>();
  const open = [...roots];
  let ticks = 0;
  while (open.length > 0 && seen.size < REPLAY_LIMITS.load_processes) {
    const pid = open.pop() ?? 0;
    if (seen.has(pid)) continue;
    seen.add(pid);
    const own = parse(readOrNull(join(proc, String(pid), 'stat')), parseProcessTicks);
    if (own === null && roots.includes(pid)) return null;
    ticks += own ?? 0;
    open.push(...childrenOf(pid, proc));
  }
  return ticks;
}

/** Children are told for each thread that made them. */
function childrenOf(pid: number, proc: string): number[] {
  const folder = join(proc, String(pid), 'task');
  const tasks = listOrNone(folder);
  const lists = tasks.map((task) => readOrNull(join(folder, task, 'children')) ?? '');
  return lists
    .join(' ')
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

/**
 * How late a timer of this process fires at worst. The histogram of node:perf_hooks forgets the
 * interval in which it is read, and with it the very delay that made the reader late.
 */
class EventLoopLag {
  readonly #clock: Clock;
  readonly #timer: NodeJS.Timeout;
  #last_ms: number;
  #worst_ms: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#last_ms = clock.nowMs();
    this.#timer = setInterval(() => this.#note(), LAG_INTERVAL_MS).unref();
  }

  /** The worst since it was last asked; null when no timer fired. */
  take(): number | null {
    const worst_ms = this.#worst_ms;
    this.#worst_ms = null;
    return worst_ms === null ? null : Math.round(worst_ms * 1000) / 1000;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #note(): void {
    const now_ms = this.#clock.nowMs();
    const late_ms = Math.max(0, now_ms - this.#last_ms - LAG_INTERVAL_MS);
    this.#last_ms = now_ms;
    this.#worst_ms = Math.max(this.#worst_ms ?? 0, late_ms);
  }
}

function parse<T>(text: string | null, parser: (text: string) => T | null): T | null {
  return text === null ? null : parser(text);
}

/**
 * Files of /proc vanish with their process, and some kernels have no PSI: then nothing is known.
 */
function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function listOrNone(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
