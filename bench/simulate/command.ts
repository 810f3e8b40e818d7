/** `hotplane bench simulate`, without the command line around it. */
import { writeWhole } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { median } from '../../base/statistics.ts';
import { formatBytes, MIB } from '../../base/units.ts';
import { atLeast, atMost, type Check } from '../check.ts';
import { exponentOf, linearCsv, renderLinear } from './linear.ts';
import { measureSimulator, type SimulateBenchPlan, type SimulateBenchRuns } from './measure.ts';

export interface SimulateBenchInput extends SimulateBenchPlan {
  /** Where the picture of the linear runs goes, its points beside it; null: there are none. */
  readonly plot: string | null;
  readonly strict: boolean;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Of the trace of 2021, which the goals of reading are about. */
const WHOLE_TRACE = 1_980_951;

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runSimulateBench(input: SimulateBenchInput): Promise<number> {
  const { invocations, reference_invocations, rounds, seed, apps, plot } = input;
  const linear = plot === null ? null : input.linear;
  const plan = { invocations, reference_invocations, rounds, seed, apps, linear };
  const measured = await measureSimulator(plan, input.signal);
  const rates = ratesOf(measured);
  const checks = [...speedChecks(measured, rates, invocations), ...sizeChecks(measured, plan)];
  if (plot !== null) {
    await writeWhole(plot, renderLinear(measured.linear), { durable: false });
    await writeWhole(`${plot}.csv`, linearCsv(measured.linear), { durable: false });
  }
  if (input.json) {
    const format = 'hotplane-bench-simulate/1';
    input.stdout.write(jsonDocument({ format, plan, ...measured, rates, checks }));
  } else input.stdout.write(renderText(measured, rates, checks));
  return input.strict && checks.some(({ verdict }) => verdict === 'missed') ? 1 : 0;
}

interface Rate {
  readonly what: string;
  readonly events: number;
  /** Median over the rounds; CPU time. */
  readonly m_events_per_s: number;
  /** Against the bare heap of the same run. */
  readonly of_bare_heap: number;
}

function ratesOf({ runs }: SimulateBenchRuns): Rate[] {
  const names = [...new Set(runs.map(({ what }) => what))];
  const rateOf = (what: string): number => {
    const own = runs.filter((one) => one.what === what);
    return median(own.map(({ events, cpu_ms }) => events / cpu_ms / 1000)) ?? 0;
  };
  const heap = rateOf('bare heap');
  return names.map((what) => ({
    what,
    events: runs.find((one) => one.what === what)?.events ?? 0,
    m_events_per_s: Math.round(rateOf(what) * 1000) / 1000,
    of_bare_heap: heap > 0 ? Math.round((rateOf(what) / heap) * 1000) / 1000 : 0,
  }));
}

function speedChecks(
  { whole, runs, readings }: SimulateBenchRuns,
  rates: readonly Rate[],
  invocations: number,
): Check[] {
  const rounds = runs.filter(({ what }) => what === 'bare heap').length;
  const detail = `CPU time, ${rounds} rounds after one that is not counted`;
  const rate = (what: string, target: number): Check =>
    atLeast(`${what}_m_events_per_s`, `${what}: events a second`, {
      unit: 'M/s',
      target,
      measured: rates.find((one) => one.what === what)?.m_events_per_s ?? null,
      detail,
    });
  const is_whole = invocations >= WHOLE_TRACE;
  const time = (name: string, title: string, target: number, ms: number): Check =>
    atMost(name, title, {
      unit: 's of CPU',
      target,
      measured: is_whole ? Math.round(ms) / 1000 : null,
      detail: is_whole ? 'one run' : `only with all ${WHOLE_TRACE} invocations`,
    });
  return [
    rate('fixed-keep-alive', 10),
    rate('hybrid-histogram', 5),
    rate('reference', 0.2),
    // By the process of which the memory is, too: this one has made the trace before.
    time('read_s', 'a trace of the size of 2021 is read', 1, readings.rows.cpu_ms),
    time('whole_s', 'read, simulated and told', 3, whole.told_ms),
  ];
}

/**
 * A day as published: fewer applications say nothing of its memory. So many have 43,800 functions
 * and 139 MB of counts; the published days have 45 to 50 thousand, and 130 to 150 MB.
 */
const WHOLE_DAY_APPS = 24_274;
const MIB_PER_S = 1000 / MIB;

function megabytes(name: string, title: string, target: number, bytes: number | null): Check {
  return atMost(name, title, {
    unit: 'MB resident',
    target,
    measured: bytes === null ? null : Math.round(bytes / 1e6),
    detail: bytes === null ? 'only of as much as was published' : 'a process that only reads',
  });
}

function sizeChecks(
  { readings, linear }: SimulateBenchRuns,
  { invocations, apps }: Pick<SimulateBenchPlan, 'invocations' | 'apps'>,
): Check[] {
  const { rows, wide, day } = readings;
  const exponent = exponentOf(linear);
  return [
    megabytes(
      'read_mb',
      'in at most so much memory',
      150,
      invocations >= WHOLE_TRACE ? rows.resident_bytes : null,
    ),
    atLeast('wide_mib_per_s', 'the wide file of a day of 2019 is read', {
      unit: 'MiB/s of CPU',
      target: 200,
      measured: Math.round((wide.bytes / wide.cpu_ms) * MIB_PER_S),
      detail: `${formatBytes(wide.bytes)}, median of the rounds`,
    }),
    megabytes(
      'day_mb',
      'all of a day of 2019 in at most so much memory',
      500,
      apps >= WHOLE_DAY_APPS ? day.resident_bytes : null,
    ),
    atMost('linear_exponent', 'time over invocations, exponent', {
      unit: '(1 is linear)',
      target: 1.1,
      measured: exponent === null ? null : Math.round(exponent * 1000) / 1000,
      detail: exponent === null ? 'only with --plot' : `${linear.length} sizes`,
    }),
  ];
}

function renderText(
  { whole, peak_resident_bytes, file_bytes }: SimulateBenchRuns,
  rates: readonly Rate[],
  checks: readonly Check[],
): string {
  const lines = rates.map(
    ({ what, events, m_events_per_s, of_bare_heap }) =>
      `${what.padEnd(18)} ${m_events_per_s.toFixed(3).padStart(8)} M events/s  ` +
      `${of_bare_heap.toFixed(3)} of the bare heap  (${events} events)`,
  );
  const told = checks.map(
    ({ title, comparison, target, unit, measured, verdict }) =>
      `${verdict.padEnd(12)} ${title}: ${measured ?? '-'} ${unit}, ${comparison} ${target}`,
  );
  const way =
    `read ${Math.round(whole.read_ms)} ms of CPU (${formatBytes(file_bytes)}), simulated after ` +
    `${Math.round(whole.play_ms)}, told after ${Math.round(whole.told_ms)}; ` +
    `at most ${formatBytes(peak_resident_bytes)} resident, all of the bench together`;
  return `${[...lines, way, '', ...told].join('\n')}\n`;
}
