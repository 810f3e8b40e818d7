/** `bench agent`: that it measures what it says, ends what it starts, and judges as promised. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { silentProgress } from '../../base/progress.ts';
import { MIB } from '../../base/units.ts';
import { checksOf } from '../../bench/agent/checks.ts';
import { runAgentBenchCommand } from '../../bench/agent/command.ts';
import { othersShare } from '../../bench/agent/host-load.ts';
import { latencyOf } from '../../bench/agent/loop.ts';
import {
  ledgerChecksOf,
  ledgerCostText,
  type LedgerPair,
  type LedgerRound,
  type LedgerRow,
  ledgerRowsOf,
} from '../../bench/agent/ledger-cost.ts';
import { cellsOf, type AgentCell, cellOrderOf, SHORT_OPTIONS } from '../../bench/agent/plan.ts';
import type { AgentBench, CellRun } from '../../bench/agent/records.ts';
import { runAgentBench } from '../../bench/agent/run.ts';
import { rowsOf } from '../../bench/agent/summary.ts';
import { renderText } from '../../bench/agent/table.ts';

/** Processes of a bench, of this test run alone: its children. */
function children(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
        return (
          parent === String(process.pid) &&
          readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('-process')
        );
      } catch {
        return false;
      }
    });
}

function silentOutput(): { readonly text: string[]; write: (text: string) => void } {
  const text: string[] = [];
  return { text, write: (part) => void text.push(part) };
}

test.serial('a short run measures every cell, and leaves no process behind', async (t) => {
  const out = silentOutput();
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-bench-test-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const input = {
    rounds: undefined,
    short: true,
    ledger: false,
    strict: false,
    json: true,
    folder,
    hotplane_version: 'test',
    stdout: out,
    stderr: silentOutput(),
    signal: new AbortController().signal,
  };
  t.is(await runAgentBenchCommand(input), 0);
  const bench: AgentBench & { rows: unknown[]; checks: { name: string }[] } = JSON.parse(
    out.text.join(''),
  );
  t.is(readFileSync(join(folder, 'agent.json'), 'utf8'), out.text.join(''));
  t.is(bench.runs.length, cellsOf().length);
  for (const run of bench.runs) {
    const what = `${run.cell.kind} ${run.cell.regions} ${run.cell.in_flight}`;
    t.true(run.calls > 0 && run.cpu_ms > 0 && run.latency.n === run.calls, what);
    if (run.cell.kind === 'cycle') t.true(run.cycles > 0 && run.cycles <= run.calls, what);
    else t.is(run.cycles, 0, what);
    t.is(run.floor_latency !== null, run.cell.kind === 'added');
  }
  t.is(bench.scale?.functions, SHORT_OPTIONS.functions);
  t.true((bench.scale?.status_bytes ?? 0) > 1_000);
  t.deepEqual(
    bench.vms.map(({ vms }) => vms),
    SHORT_OPTIONS.vms,
  );
  for (const { kept_bytes, rss_bytes } of bench.vms) {
    t.true(kept_bytes > MIB && kept_bytes < rss_bytes, 'a heap without its garbage');
  }
  t.true((bench.live?.latency.n ?? 0) > 0 && bench.live?.dropped === 0);
  t.true((bench.scale?.scrape.bytes ?? 0) > 1_000);
  t.is(bench.scale?.scrape.n, SHORT_OPTIONS.rounds);
  t.is(bench.checks.length, 14);
  t.deepEqual(children(), []);
  const again = runAgentBenchCommand({ ...input, stdout: silentOutput() });
  t.like(await t.throwsAsync(again), { code: 'HP_BENCH_EXISTS' });
});

test.serial('Ctrl-C in the middle ends every process, and says so', async (t) => {
  const stop = new AbortController();
  const options = { ...SHORT_OPTIONS, cell_ms: 60_000 };
  // While calls are under way, not between two cells.
  const interrupt = (): void => void hostClock.timer(100, () => stop.abort('SIGINT'));
  const progress = { ...silentProgress, step: interrupt };
  const run = runAgentBench({ options, hotplane_version: 'test', progress, signal: stop.signal });
  t.like(await t.throwsAsync(run), { code: 'HP_BENCH_INTERRUPTED', category: 'interrupted' });
  t.deepEqual(children(), []);
});

test.serial('what a ledger costs is measured in pairs, each with it and without', async (t) => {
  const out = silentOutput();
  const input = {
    rounds: '2',
    short: true,
    ledger: true,
    strict: false,
    json: true,
    folder: undefined,
    hotplane_version: 'test',
    stdout: out,
    stderr: silentOutput(),
    signal: new AbortController().signal,
  };
  t.is(await runAgentBenchCommand(input), 0);
  const told: { measured: LedgerRound[]; checks: { name: string; target: number }[] } = JSON.parse(
    out.text.join(''),
  );
  t.is(told.measured.length, 3 * 2);
  for (const { cell, pairs, records } of told.measured) {
    t.true((records ?? 0) > 0, 'one of the two keeps a ledger');
    t.is(pairs.length, 4);
    for (const { off, on } of pairs) {
      t.deepEqual([on.cell, off.cell], [cell, cell]);
      t.true(off.calls > 0 && on.calls > 0);
    }
  }
  t.is(told.checks.length, 3 * 2);
  t.deepEqual(children(), []);
});

function pairOf(off_ms: number, on_ms: number, others_share = 0): LedgerPair {
  const cell = { ...WARM, in_flight: 16 };
  const latency = { n: 4_000, p50_ms: 1, p99_ms: 10 };
  return {
    off: runOf(cell, { cpu_ms: off_ms, latency, others_share }),
    on: runOf(cell, { cpu_ms: on_ms, latency: { ...latency, p99_ms: 11 }, others_share }),
  };
}

function roundOf(...pairs: readonly LedgerPair[]): LedgerRound {
  const cell = { ...WARM, in_flight: 16 };
  return { cell, pairs, off_p99_ms: 10, on_p99_ms: 11, records: 4_000 * pairs.length };
}

const verdictOf = (name: string, found: readonly LedgerRow[]): string | undefined =>
  ledgerChecksOf(found, 1).find((one) => one.name === name)?.verdict;

test('what a ledger costs is the median of ratios of pairs, judged where its interval is', (t) => {
  // A host that becomes three times as slow says nothing of the ledger.
  const pairs = [pairOf(400, 404), pairOf(1_200, 1_212), pairOf(400, 404), pairOf(400, 404)];
  const rows = ledgerRowsOf([roundOf(...pairs), roundOf(...pairs, pairOf(400, 480))]);
  t.is(rows.length, 1);
  const [row] = rows;
  t.is(Math.round(row?.cpu_percent.median ?? 0), 1);
  t.is(Math.round(row?.cpu_percent.high ?? 0), 1, 'one of nine is chance');
  t.like(row, { cpu_percent: { n: 9 }, p99_percent: { n: 2 }, rounds: 2, records_each: 1 });
  t.is(verdictOf('ledger_cpu_warm_16', rows), 'met');
  t.is(verdictOf('ledger_p99_warm_16', rows), 'missed');
  const few = ledgerRowsOf([roundOf(pairOf(400, 404), pairOf(400, 480))]);
  t.is(verdictOf('ledger_cpu_warm_16', few), 'not measured', 'the target lies within');
  t.is(verdictOf('ledger_cpu_warm_16', ledgerRowsOf([roundOf(pairOf(400, 412))])), 'missed');
  const busy = ledgerRowsOf([roundOf(pairOf(400, 412, 0.5))]);
  t.is(verdictOf('ledger_p99_warm_16', busy), 'not measured');
  t.regex(ledgerCostText(rows, ledgerChecksOf(rows, 1)), /ALASTOR[^]*13\.74 %/);
});

test('a number of rounds that is none is refused before anything starts', async (t) => {
  for (const rounds of ['0', '-1', '1.5', 'many', '21']) {
    const command = runAgentBenchCommand({
      rounds,
      short: true,
      ledger: false,
      strict: false,
      json: false,
      folder: undefined,
      hotplane_version: 'test',
      stdout: silentOutput(),
      stderr: silentOutput(),
      signal: new AbortController().signal,
    });
    t.like(await t.throwsAsync(command), { code: 'HP_BENCH_OPTION', category: 'usage' });
  }
});

test('rounds change direction, so that a drift falls on every cell alike', (t) => {
  const cells = cellsOf();
  t.deepEqual(cellOrderOf(cells, 3), [...cells, ...cells.toReversed(), ...cells]);
});

test('below 100 calls there is no p99', (t) => {
  const values = Array.from({ length: 100 }, (_, index) => index + 1);
  t.deepEqual(latencyOf(values), { n: 100, p50_ms: 50, p99_ms: 99 });
  t.is(latencyOf(values.slice(1)).p99_ms, null);
});

test('what others used is what was busy and not ours', (t) => {
  const before = { total: 1_000, idle: 500, steal: 0 };
  const after = { total: 1_200, idle: 550, steal: 0 };
  t.is(othersShare(before, after, 500), 0.5);
  t.is(othersShare(before, after, 9_999), 0);
  t.is(othersShare(null, after, 0), null);
  t.is(othersShare(after, after, 0), null);
});

const WARM: AgentCell = { name: 'warm call', kind: 'warm', regions: 8, in_flight: 16 };

function runOf(cell: AgentCell, part: Partial<CellRun>): CellRun {
  return {
    cell,
    calls: 4_000,
    cycles: 0,
    wall_ms: 1_000,
    cpu_ms: 400,
    latency: { n: 4_000, p50_ms: 1, p99_ms: 3 },
    floor_latency: null,
    lag: { p50_ms: 0, p99_ms: 1, max_ms: 2 },
    rss_bytes: 1,
    heap_bytes: 1,
    others_share: 0,
    ...part,
  };
}

function benchOf(runs: readonly CellRun[]): AgentBench {
  return {
    format: 'hotplane-bench-agent/1',
    hotplane_version: 'test',
    node_version: 'v24',
    started_at: '2026-01-01T00:00:00Z',
    host: { cpu: 'one', cpus: 2 },
    options: { ...SHORT_OPTIONS, rounds: runs.length },
    runs,
    scale: null,
    live: null,
    idle: null,
    vms: [],
    rss_first_bytes: 1,
    rss_last_bytes: 1,
  };
}

function verdicts(runs: readonly CellRun[]): Record<string, string> {
  const checks = checksOf(rowsOf(runs), benchOf(runs));
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
}

test('a warm call is held to its rate and its CPU, by the median of the rounds', (t) => {
  const quick = runOf(WARM, {});
  const slow = runOf(WARM, { calls: 3_000, cpu_ms: 600 });
  t.deepEqual(verdicts([quick, slow, quick]), { warm_rate_8: 'met', warm_cpu_8: 'met' });
  t.deepEqual(verdicts([slow, quick, slow]), { warm_rate_8: 'missed', warm_cpu_8: 'missed' });
});

/** Verdicts on an agent with 250, 500 and more VMs that was resident with so much. */
function judged(
  sizes_mib: readonly number[],
  { kept_mib = sizes_mib, cpu_ms = 40 }: { kept_mib?: readonly number[]; cpu_ms?: number } = {},
): Record<string, string> {
  const vms = sizes_mib.map((size, at) => {
    const idle = { wall_ms: 1_000, cpu_ms };
    const kept_bytes = (kept_mib[at] ?? 0) * MIB;
    return { vms: 250 * (at + 1), regions: 32, rss_bytes: size * MIB, kept_bytes, idle };
  });
  const checks = checksOf([], { ...benchOf([]), vms });
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
}

test('very many VMs are held to what they take, and to growing in proportion', (t) => {
  const met = { vms_rss: 'met', vms_idle: 'met', vms_growth: 'met' };
  t.deepEqual(judged([150, 200, 250, 300]), met);
  t.deepEqual(judged([150, 200, 250, 301]), { ...met, vms_rss: 'missed' });
  const kept_mib = [50, 100, 150, 200];
  t.deepEqual(judged([150, 160, 200, 300], { kept_mib }), met, 'when it collected is its affair');
  const worse_mib = [50, 100, 150, 215];
  t.deepEqual(judged([150, 200, 250, 300], { kept_mib: worse_mib }), {
    ...met,
    vms_growth: 'missed',
  });
  t.deepEqual(judged([150, 200, 250, 300], { cpu_ms: 51 }), { ...met, vms_idle: 'missed' });
  t.deepEqual(judged([150, 200]), { ...met, vms_growth: 'not measured' });
  t.deepEqual(judged([]), {});
});

test('on a busy host CPU time is judged and wall time is not', (t) => {
  const busy = runOf(WARM, { others_share: 0.4 });
  t.deepEqual(verdicts([runOf(WARM, {}), busy]), {
    warm_rate_8: 'not measured',
    warm_cpu_8: 'met',
  });
  const runs = [busy];
  const rows = rowsOf(runs);
  const text = renderText(benchOf(runs), { rows, checks: checksOf(rows, benchOf(runs)) });
  t.regex(text, /others used 40 % of the host's CPU/);
});

/** How an agent is judged whose readers heard of so many operations a second. */
function live(operations_per_s: number, dropped = 0, others_share = 0): string {
  const latency = { n: 2_712, p50_ms: 24.8, p99_ms: 49.94 };
  const run = { operations_per_s, latency, dropped, lag_max_ms: 1, others_share };
  const [check] = checksOf([], { ...benchOf([]), live: run });
  return `${check?.verdict}: ${check?.detail}`;
}

test('a reader is held to his promise at the rate that is promised; at any other both are told', (t) => {
  t.is(live(1_990), 'met: 2712 operations, 1990 a second');
  t.is(
    live(1_350),
    'not measured: 2712 operations, 1350 a second; this host makes fewer than the 2000 that are ' +
      'promised; p99 was 49.9 ms',
  );
  t.is(
    live(1_990, 3),
    'not measured: 2712 operations, 1990 a second; 3 were not told; p99 was 49.9 ms',
  );
  t.regex(live(1_990, 0, 0.5), /^not measured: .*others used 50 % of .*; p99 was 49\.9 ms$/);
});

test('a scrape is held to its median, and to holding up nobody even once', (t) => {
  const scrape = { n: 3, ms: 40, first_ms: 90, bytes: 1, blocked_ms: 20, others_share: 0 };
  const scale = {
    functions: 256,
    regions: 192,
    rss_before_bytes: 1,
    rss_bytes: 1,
    status_bytes: 1,
    status_ms: 1,
    status_cpu_ms: 1,
    blocked_ms: 1,
    others_share: 0,
  };
  const checks = (part: object) =>
    checksOf([], { ...benchOf([]), scale: { ...scale, scrape: { ...scrape, ...part } } })
      .filter(({ name }) => name.startsWith('scrape'))
      .map(({ verdict }) => verdict);
  t.deepEqual(checks({}), ['met', 'met']);
  t.deepEqual(checks({ ms: 51 }), ['missed', 'met']);
  t.deepEqual(checks({ blocked_ms: 21 }), ['met', 'missed']);
});

test('a cycle is counted by its unplugs, and 192 regions have a bound of their own', (t) => {
  const runs = [8, 192].map((regions) => {
    return runOf({ name: 'c', kind: 'cycle', regions, in_flight: 1 }, { cycles: 500 });
  });
  t.deepEqual(verdicts(runs), { cycle_cpu_8: 'missed', cycle_cpu_192: 'met' });
  t.is(rowsOf(runs)[0]?.per_s.median, 500);
});

test('what the agent adds is taken against the echo of the same round, at the same percentile', (t) => {
  const added: AgentCell = { name: 'added', kind: 'added', regions: 8, in_flight: 1 };
  const floor_latency = { n: 4_000, p50_ms: 0.5, p99_ms: 2.5 };
  const [row] = rowsOf([runOf(added, { floor_latency })]);
  t.like(row, { added_p50_ms: 0.5, added_p99_ms: 0.5 });
  t.deepEqual(verdicts([runOf(added, { floor_latency })]), { added_p99: 'met' });
  const few = runOf(added, { floor_latency: { ...floor_latency, p99_ms: null } });
  t.deepEqual(verdicts([few]), { added_p99: 'not measured' });
});
