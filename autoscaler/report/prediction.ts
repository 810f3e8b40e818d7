/** How far what was simulated is off from what was measured, pair by pair. Pure. */
import type { RunFigures } from '../results/simulation.ts';

export interface Prediction {
  readonly mechanism: string;
  readonly policy: string;
  /** Folders. */
  readonly live: string;
  readonly simulated: string;
  /** Why the measured figures order nothing; empty: they do. */
  readonly not_compared: readonly string[];
  readonly figures: readonly PredictedFigure[];
}

interface PredictedFigure {
  readonly what: string;
  readonly measured: number | null;
  readonly simulated: number | null;
  /** Simulated / measured - 1; null: one is not known, or nothing was measured. */
  readonly off: number | null;
}

interface Found {
  readonly folder: string;
  readonly figures: RunFigures;
}

/** A measured run and a simulated one of the same mechanism and of as many invocations. */
export function predictionsOf(found: readonly Found[]): Prediction[] {
  const live = found.filter(({ figures }) => !figures.simulated);
  return live.flatMap(({ folder, figures }) =>
    found
      .filter(({ figures: other }) => other.simulated && isOfTheSame(other, figures))
      .map((simulated) => ({
        mechanism: figures.mechanism,
        policy: figures.policy,
        live: folder,
        simulated: simulated.folder,
        not_compared: figures.not_compared,
        figures: FIGURES.map(([what, of]) => compared(what, of(figures), of(simulated.figures))),
      })),
  );
}

function isOfTheSame(a: RunFigures, b: RunFigures): boolean {
  return a.mechanism === b.mechanism && a.invocations === b.invocations;
}

type Figure = readonly [what: string, of: (run: RunFigures) => number | null];

const quantile = (field: 'wait_ms' | 'latency_ms', share: number) => (run: RunFigures) =>
  run[field].find((one) => one.share === share)?.value ?? null;

const FIGURES: readonly Figure[] = [
  ['committed GiB·s', (run) => run.committed_gib_s],
  ['peak committed MiB', (run) => run.peak_committed_bytes / 2 ** 20],
  ['cold starts', (run) => run.cold],
  ['not served', (run) => run.refused],
  ['wait p50 ms', quantile('wait_ms', 0.5)],
  ['wait p95 ms', quantile('wait_ms', 0.95)],
  ['latency p50 ms', quantile('latency_ms', 0.5)],
  ['latency p95 ms', quantile('latency_ms', 0.95)],
  ['latency p99 ms', quantile('latency_ms', 0.99)],
];

function compared(
  what: string,
  measured: number | null,
  simulated: number | null,
): PredictedFigure {
  const off = measured === null || simulated === null || measured === 0;
  return { what, measured, simulated, off: off ? null : simulated / measured - 1 };
}

export function renderPredictions(predictions: readonly Prediction[]): string[] {
  return predictions.flatMap(({ mechanism, simulated, figures, not_compared }) => [
    '',
    `${mechanism}: how far ${simulated} is off`,
    ...(not_compared.length > 0
      ? [`  the measured run is marked ${not_compared.join(', ')}: it may be off, too`]
      : []),
    ...figures.map(({ what, measured, simulated: told, off }) =>
      [
        `  ${what.padEnd(20)}`,
        `measured ${numberText(measured)}`,
        `simulated ${numberText(told)}`,
        off === null ? '' : `${off >= 0 ? '+' : ''}${(off * 100).toFixed(1)} %`,
      ]
        .join('  ')
        .trimEnd(),
    ),
  ]);
}

function numberText(value: number | null): string {
  return (value === null ? '-' : value.toFixed(1)).padStart(10);
}
