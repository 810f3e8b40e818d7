/** `hotplane bench simulate`, without the command line around it. */
import { jsonDocument } from '../../base/json.ts';
import { median } from '../../base/statistics.ts';
import { formatBytes } from '../../base/units.ts';
import { atLeast, atMost, type Check } from '../check.ts';
import { measureSimulator, type SimulateBenchPlan, type SimulateBenchRuns } from './measure.ts';

export interface SimulateBenchInput extends SimulateBenchPlan {
  readonly strict: boolean;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Of the trace of 2021, which the goals of reading are about. */
const WHOLE_TRACE = 1_980_951;

/** Returns the exit code: 0, or 1 with `strict` when a promise was missed. */
export async function runSimulateBench(input: SimulateBenchInput): Promise<number> {
  const { invocations, reference_invocations, rounds, seed } = input;
  const plan = { invocations, reference_invocations, rounds, seed };
  const measured = await measureSimulator(plan, input.signal);
  const rates = ratesOf(measured);
  const checks = checksOf(measured, rates, invocations);
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

function checksOf(
  { whole, runs }: SimulateBenchRuns,
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
    time('read_s', 'a trace of the size of 2021 is read', 1, whole.read_ms),
    time('whole_s', 'and simulated and told', 3, whole.told_ms),
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
