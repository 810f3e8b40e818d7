/** What `hotplane simulate dags` prints. Pure. */
import { formatMs, GIB } from '../../../base/units.ts';
import { alignedRows } from '../aligned-rows.ts';
import type { DagFigures } from './figures.ts';
import type { DagSimulation } from './simulation.ts';

const HEAD = ['way', 'met', '95 %', 'missed', 'failed', 'cold stages', 'GiB·s', 'peak GiB'];
const MISSED = ['way', 'wait', 'permit', 'plug', 'start', 'run'];

export function renderDags(one: DagSimulation): string {
  const { trace, runs, mechanism } = one;
  const asked = `${trace.calls} calls of ${trace.dags} DAGs of ${trace.functions} functions`;
  const lines = [
    'SIMULATED: nothing here was measured.',
    `${asked}, ${(trace.window_ms / 3_600_000).toFixed(2)} h`,
    `mechanism ${mechanism.name}: ${mechanism.source}; a start takes ${mechanism.start_ms} ms`,
    ...(trace.warm_up_ms > 0 ? [`calls of the first ${formatMs(trace.warm_up_ms)} left out`] : []),
    `${trace.hopeless} calls miss whatever is done: their own stages take longer than the deadline`,
    '',
    ...alignedRows([HEAD, ...runs.map(rowOf)]),
    '',
    `what runs alone takes ${trace.busy_gib_s.toFixed(1)} GiB·s`,
    '',
    'where the time of those that missed went, on average:',
    ...alignedRows([MISSED, ...runs.flatMap(missedRow)]),
    ...verdict(runs),
  ];
  return `${lines.join('\n')}\n`;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

function rowOf(run: DagFigures): string[] {
  const { value, low, high } = run.met_share;
  return [
    run.name,
    percent(value),
    `${percent(low)} to ${percent(high)}`,
    String(run.missed),
    String(run.failed),
    String(run.cold_stages),
    run.committed_gib_s.toFixed(0),
    (run.peak_committed_bytes / GIB).toFixed(1),
  ];
}

function missedRow({ name, missed_spent }: DagFigures): string[][] {
  if (!missed_spent) return [];
  const { wait_ms, permit_ms, plug_ms, start_ms, run_ms } = missed_spent;
  return [[name, ...[wait_ms, permit_ms, plug_ms, start_ms, run_ms].map(formatMs)]];
}

/** What Archipelago promises, and where the trace says nothing about it. */
const GOAL = 0.99;
const TOO_EASY = 0.97;

function verdict(runs: readonly DagFigures[]): string[] {
  const [reactive] = runs;
  const last = runs.at(-1);
  if (!reactive || !last) return [];
  const met = percent(last.met_share.value);
  const holds = last.met_share.value >= GOAL ? 'met' : 'missed';
  const lines = ['', `Archipelago (arXiv 1911.09849): more than 99 %; here ${met}: ${holds}`];
  if (reactive.met_share.value > TOO_EASY) {
    lines.push(
      'the trace is too easy to say so: first come first served meets more than 97 % of it',
    );
  }
  return lines;
}
