/**
 * A replay against a fake agent, on a clock that waits for nobody, into a folder of the test's own.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { settleSpeedup } from '../../autoscaler/replay/auto-speedup.ts';
import type { RealPrograms } from '../../autoscaler/replay/calibrate.ts';
import { MIB } from '../../base/units.ts';
import type { Harm } from '../../autoscaler/replay/inject.ts';
import type { LoadSample } from '../../autoscaler/replay/load.ts';
import type { RunFacts } from '../../autoscaler/replay/manifest.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { SILENT } from '../../autoscaler/replay/progress.ts';
import { repeatOptions } from '../../autoscaler/replay/repeat.ts';
import { replay, type ReplayDependencies } from '../../autoscaler/replay/replay.ts';
import { replayRounds } from '../../autoscaler/replay/rounds.ts';
import { TimeLeft } from '../../autoscaler/replay/time-left.ts';
import type { RoundsSummary } from '../../autoscaler/report/rounds.ts';
import type { Summary } from '../../autoscaler/report/summary.ts';
import { readManifest, readResults, type ResultData } from '../../autoscaler/results/reader.ts';
import type { Provenance } from '../../autoscaler/results/schema.ts';
import { FakeAgent, type FakeAgentOptions } from './fake-agent.ts';
import { FakeClock } from './fake-clock.ts';

export const SAMPLE = fileURLToPath(
  new URL('../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url),
);

export interface Rig {
  readonly out: string;
  readonly agent: FakeAgent;
  readonly clock: FakeClock;
  readonly abort: AbortController;
  readonly closed: () => number;
  /** Folders told as kept. */
  readonly kept: readonly string[];
  readonly notes: readonly string[];
  /** What was done to VMMs and agent on purpose. */
  readonly harmed: readonly string[];
  /** Why no report could be made. */
  readonly unreported: readonly unknown[];
  readonly run: () => Promise<Summary>;
  /** The same as so many rounds. */
  readonly runRounds: (rounds: number, given?: Record<string, string>) => Promise<RoundsSummary>;
  /** `--from` that folder with these options beside it, into another folder. */
  readonly repeat: (folder: string, given?: Record<string, string>) => Promise<ResultData>;
}

export const PROVENANCE: Provenance = {
  commit: 'c0ffee',
  is_dirty: false,
  vmm_binary: null,
  host: {
    thp_enabled: 'madvise',
    thp_defrag: 'madvise',
    swap_total_bytes: 0,
    swap_free_bytes: 0,
    mem_available_bytes: 2 ** 32,
    cgroup_version: 2,
    cgroup_memory_max_bytes: null,
    cgroup_swap_max_bytes: null,
    cgroup_cpus: null,
    cpus_allowed: 2,
    load_average: [0, 0, 0],
    cpu_governor: null,
  },
};

export const FACTS: RunFacts = {
  host: { cpu_model: 'cpu', cores: 2, memory_bytes: 2 ** 33, kernel: '6.1', arch: 'x64' },
  versions: { hotplane: '0.1.0', node: 'v24.12.0', agent: '' },
  provenance: PROVENANCE,
  started_at: '2026-01-01T00:00:00.000Z',
  command: ['hotplane', 'replay'],
};

/** Names of programs as content keys, without anything built. */
const PROGRAMS: RealPrograms = {
  needsOf: async (names) =>
    new Map(names.map((name) => [name, { limit_bytes: 256 * MIB, boot_bytes: 512 * MIB }])),
  build: async (name) => ({
    function_key: Buffer.from(name).toString('hex').padEnd(24, '0').slice(0, 24),
    base_key: null,
    interface: 'lambda',
    command: [name],
    environment: [],
    working_folder: null,
    user: null,
    tmp_bytes: null,
    timeout_ms: null,
  }),
};

/** A machine that is busy half of the time, nearly all of it with the replay. */
function halfBusy(now_ms: number): LoadSample {
  return {
    at_ms: now_ms,
    cpu: { total: now_ms, idle: now_ms / 2, steal: 0 },
    own_ticks: now_ms * 0.4375,
    psi_cpu_some_us: null,
    psi_memory_some_us: null,
    mem_available_bytes: null,
    event_loop_lag_ms: null,
  };
}

/** Notes what is done; an agent that is replaced is away for 700 ms. */
function fakeHarm(agent: FakeAgent, clock: FakeClock, harmed: string[]): Harm {
  return {
    signalVmm: async (vm_id, name) => void harmed.push(`${name} ${vm_id}`),
    replaceAgent: async () => {
      harmed.push('replaced');
      agent.endWatch();
      await clock.sleep(700);
    },
  };
}

/** After an interruption too, which then is none any more. */
async function replayTimes(
  asked: Record<string, string>,
  { facts, time_left: _time_left, ...deps }: ReplayDependencies,
): Promise<RoundsSummary> {
  const signal = deps.signal.aborted ? new AbortController().signal : deps.signal;
  const options = await settleSpeedup(parseReplayOptions(asked), facts, { ...deps, signal });
  return await replayRounds(options, { ...deps, signal, readFacts: async () => facts });
}

const USUAL = {
  trace: SAMPLE,
  speedup: '20',
  functions: '4',
  concurrency: '16',
  'memory-scale': '0.2',
};

export function rig(
  t: ExecutionContext,
  fake: Partial<FakeAgentOptions> = {},
  extra: Record<string, string> = {},
  is_ours = false,
  change: Partial<ReplayDependencies> = {},
): Rig {
  const scratch = mkdtempSync(join(tmpdir(), 'hotplane-test-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const clock = new FakeClock();
  const agent = new FakeAgent({ clock, plug_ms: 30, unplug_ms: 200, ...fake });
  const abort = new AbortController();
  const out = join(scratch, 'out');
  let closed = 0;
  const kept: string[] = [];
  const notes: string[] = [];
  const harmed: string[] = [];
  const unreported: unknown[] = [];
  const deps: ReplayDependencies = {
    clock,
    progress: SILENT,
    time_left: new TimeLeft(),
    signal: abort.signal,
    facts: FACTS,
    lookAtLoad: () => halfBusy(clock.nowMs()),
    repeated: null,
    programs: PROGRAMS,
    onNote: (text) => notes.push(text),
    readBinary: async (path) => ({ path, bytes: 7, sha256: 'f00d' }),
    onKept: (where) => kept.push(where),
    onUnreported: (error) => unreported.push(error),
    openAgent: async () => ({
      api: agent,
      is_ours,
      harm: fakeHarm(agent, clock, harmed),
      close: async () => {
        closed += 1;
      },
    }),
  };
  const asked = { ...USUAL, out, ...extra };
  const options = parseReplayOptions(asked);
  return {
    out,
    agent,
    clock,
    abort,
    kept,
    notes,
    harmed,
    repeat: async (folder, given = {}) => {
      const again = join(folder, '..', 'again');
      const manifest = await readManifest(folder);
      const raw = repeatOptions(folder, manifest, { ...given, out: again });
      const trace_named = given['trace'] !== undefined;
      const repeated = { folder, manifest, trace_named };
      const settled = await settleSpeedup(parseReplayOptions(raw), FACTS, { ...deps, ...change });
      await replay(settled, { ...deps, ...change, repeated });
      return await readResults(again);
    },
    unreported,
    closed: () => closed,
    runRounds: async (rounds, given = {}) =>
      await replayTimes({ ...asked, ...given, rounds: String(rounds) }, { ...deps, ...change }),
    run: async () => {
      const all = { ...deps, ...change };
      return await replay(await settleSpeedup(options, all.facts, all), all);
    },
  };
}
