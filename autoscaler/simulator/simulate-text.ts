/** What `hotplane simulate` prints. Pure. */
import { GIB } from '../../base/units.ts';
import { alignedRows } from './aligned-rows.ts';
import type { RunFigures, Simulation } from '../results/simulation.ts';

export function renderSimulation(one: Simulation): string {
  const { mechanism, runs, baselines, engine, functions } = one;
  const [first] = runs;
  const lines = [
    'SIMULATED: nothing here was measured.',
    `${first?.invocations ?? 0} invocations of ${functions} functions, ` +
      `${((first?.window_ms ?? 0) / 3_600_000).toFixed(2)} h, ${engine} engine`,
    `mechanism ${mechanism.name}: ${mechanism.source}`,
    '',
    ...alignedRows([HEAD, ...runs.map((run) => rowOf(run, baselines))]),
    ...readyLines(runs),
    '',
    'for the same trace, GiB·s:',
    ...alignedRows(baselines.map(({ name, about, gib_s }) => [name, gib_s.toFixed(1), about])),
  ];
  return `${lines.join('\n')}\n`;
}

/** What stood ready under each policy, where somebody counted. */
function readyLines(runs: readonly RunFigures[]): string[] {
  const rows = runs.flatMap(({ policy, ready = [] }) =>
    ready.length === 0 ? [] : [[policy, ...ready.flatMap(readyFields)]],
  );
  return rows.length === 0 ? [] : ['', 'what stood ready:', ...alignedRows([READY_HEAD, ...rows])];
}

const READY_HEAD = [
  'policy',
  'cold plugs',
  'plugged, of starts',
  'GiB·s plugged',
  'warm, of calls',
  'GiB·s idle',
];

function readyFields(one: NonNullable<RunFigures['ready']>[number]): string[] {
  const { rung, asked, hits, idle_gib_s } = one;
  const share = `${hits} of ${asked}${asked > 0 ? `, ${percent(hits / asked)} %` : ''}`;
  const fields = [share, idle_gib_s.toFixed(1)];
  return rung === 'plugged' ? [String(asked - hits), ...fields] : fields;
}

const HEAD = [
  'policy',
  'cold starts',
  'of all (95 %)',
  'p75 of functions',
  'wait p99 ms',
  'GiB·s',
  'all/busy',
  'peak GiB',
  'refused',
  'of its ideal saving',
];

function rowOf(run: RunFigures, baselines: Simulation['baselines']): string[] {
  const { value, low, high } = run.cold_share;
  const p99 = run.wait_ms.find(({ share }) => share === 0.99);
  const functions = run.cold_share_of_functions.find(({ share }) => share === 0.75);
  const gib_s = (name: string): number => baselines.find((one) => one.name === name)?.gib_s ?? 0;
  const possible = gib_s('static') - (run.ideal_gib_s ?? Number.POSITIVE_INFINITY);
  const reached = possible > 0 ? (gib_s('static') - run.committed_gib_s) / possible : null;
  const busy = run.busy_gib_s ?? 0;
  return [
    run.name,
    String(run.cold),
    `${percent(value)} % (${percent(low)} to ${percent(high)})`,
    `${percent(functions?.value ?? 0)} %`,
    p99 ? `${p99.value.toFixed(1)} (${end(p99.low)} to ${end(p99.high)})` : '-',
    run.committed_gib_s.toFixed(1),
    busy > 0 ? (run.committed_gib_s / busy).toFixed(2) : '-',
    (run.peak_committed_bytes / GIB).toFixed(1),
    String(run.refused),
    reached === null ? '-' : `${(reached * 100).toFixed(1)} %`,
  ];
}

function percent(share: number): string {
  return (share * 100).toFixed(2);
}

function end(value: number | null): string {
  return value === null ? '?' : value.toFixed(1);
}
