/** A run of `bench elastic` as its records tell it, with known figures. */
import type { ElasticRun, Operation, PlayLine } from '../../bench/elastic/records.ts';
import { parseElasticOptions, type RawElasticOptions } from '../../bench/elastic/options.ts';
import { MIB } from '../../base/units.ts';
import { EMPTY_OPERATION } from '../autoscaler/empty-messages.ts';

export const RAW: RawElasticOptions = {
  mechanism: 'hotmem',
  instances: '4',
  limit: '512MiB',
  baseline: '64MiB',
  increment: '16MiB',
  seconds: '8',
  rounds: '2',
  seed: '7',
  short: false,
};
export const OPTIONS = parseElasticOptions(RAW);

export const PLAY: PlayLine = {
  play: 'training',
  round: 1,
  mechanism: 'hotmem',
  from_ms: 0,
  to_ms: 8_000,
  planned_gib_s: 5,
  plugged_gib_s: 8,
  used_gib_s: 6,
  failed: 0,
  reason: null,
  pages_migrated: 0,
  oom_kills: 0,
  left_bytes: [0, 0, 0],
};

/** A growth that was said at `at_ms`, heard 1 ms later, sent 0.5 ms and there 8.5 ms after that. */
export function growth(at_ms: number, change: Partial<Operation> = {}): Operation {
  return {
    ...EMPTY_OPERATION,
    mechanism: 'hotmem',
    cause: 'grow',
    outcome: 'done',
    wanted_at_ms: at_ms,
    heard_at_ms: at_ms + 1,
    decided_at_ms: at_ms + 1.25,
    requested_at_ms: at_ms + 1.5,
    accepted_at_ms: at_ms + 3.5,
    plugged_at_ms: at_ms + 9.5,
    plugged_bytes: 128 * MIB,
    guest_plugged_bytes: 128 * MIB,
    resident_bytes: 100 * MIB,
    grow_waits: 1,
    grow_wait_ms: 12,
    ...change,
  };
}

export const RUN: ElasticRun = {
  plays: [
    { ...PLAY, mechanism: 'static', plugged_gib_s: 16, used_gib_s: null, pages_migrated: null },
    PLAY,
    { ...PLAY, plugged_gib_s: 2, used_gib_s: 2.5, failed: 1, reason: 'x', pages_migrated: 3 },
  ],
  operations: [
    ...Array.from({ length: 99 }, (_, index) => growth(index * 100)),
    growth(9_900, { requested_at_ms: 9_906, id: 'op-7', guest_plugged_bytes: 64 * MIB }),
    growth(9_950, { outcome: 'refused', guest_plugged_bytes: null, grow_waits: 0 }),
    growth(9_990, { cause: 'shrink', resident_bytes: 129 * MIB, grow_waits: 2, grow_wait_ms: 90 }),
  ],
  given_back: [
    { what: 'phase', bytes: MIB, back_ms: 9 },
    { what: 'idle', bytes: MIB, back_ms: 6 },
    { what: 'idle', bytes: MIB, back_ms: 6 },
  ],
  neighbour: [
    { met: true, wall_ms: 8 },
    { met: false, wall_ms: 4 },
  ],
  // Of each tenth growth the thread of the agent waited for 90 ms.
  alone: Array.from({ length: 100 }, (_, index) =>
    index % 10 === 0 ? { own_ms: 91, starved_ms: 90 } : { own_ms: 0.5, starved_ms: 0 },
  ),
  beside: {
    idle_lag_ms: { n: 1_000, p50: 0.5, p99: 30, max: 90 },
    agent_ran_ms: 3_000,
    agent_starved_ms: 9_000,
  },
};

export const REPORT = {
  ...RUN,
  host: { kernel: '6', cpu: 'c', cores: 2, memory_bytes: 1, huge_pages: 'none', load_before: 0 },
  vmm: 'QEMU',
  accelerator: 'tcg',
  guest_kernels: [],
  series: [],
  options: OPTIONS,
  duration_ms: 1,
};
