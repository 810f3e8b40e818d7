/** A comparison as text and as lines of a table for others. Pure. */
import type { ConfidenceInterval } from '../results/intervals.ts';
import type { RunFigures } from '../results/simulation.ts';
import { renderPredictions } from './prediction.ts';
import type { ComparedRun, Comparison } from './compare.ts';

const HEAD = [
  'run',
  'how',
  'invocations',
  'cold starts (95 %)',
  'wait p50 ms',
  'wait p99 ms',
  'GiB·s',
  'against the first (95 %)',
  'front',
];

export function renderComparison({ runs, predictions }: Comparison): string {
  const rows = [HEAD, ...runs.map((run) => rowOf(run, runs[0]))];
  const widths = HEAD.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((field, at) => field.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const notes = [
    'simulated runs were measured nowhere; cold starts of those served, waits until an instance was',
    'there; the front: no other run has both fewer cold starts and less memory.',
  ];
  return `${[...lines, '', ...notes, ...renderPredictions(predictions)].join('\n')}\n`;
}

function rowOf(
  { figures, memory_against_first, is_on_front }: ComparedRun,
  first: ComparedRun | undefined,
): string[] {
  const wait = (share: number): string => {
    const found = figures.wait_ms.find((one) => one.share === share);
    if (!found) return '-';
    return `${found.value.toFixed(1)} (${endText(found.low)} to ${endText(found.high)})`;
  };
  return [
    figures.name,
    figures.simulated ? 'SIMULATED' : 'live',
    `${figures.invocations}${figures.refused > 0 ? `, ${figures.refused} not served` : ''}`,
    percentText(figures.cold_share),
    wait(0.5),
    wait(0.99),
    figures.committed_gib_s.toFixed(1),
    memory_against_first ? ratioText(memory_against_first) : whyNot(figures, first),
    is_on_front ? 'yes' : '',
  ];
}

/** The first run itself may be the one that was disturbed. */
function whyNot({ not_compared }: RunFigures, first: ComparedRun | undefined): string {
  if (not_compared.length > 0) return `not compared: ${not_compared.join(', ')}`;
  const is_first_marked = (first?.figures.not_compared.length ?? 0) > 0;
  return is_first_marked ? 'the first is not compared' : 'other work or window';
}

/** Null: the sample is too small to have that end. */
function endText(value: number | null): string {
  return value?.toFixed(1) ?? '?';
}

function percentText({ value, low, high }: ConfidenceInterval): string {
  const [middle, from, to] = [value, low, high].map((share) => (share * 100).toFixed(2));
  return `${middle} % (${from} to ${to})`;
}

function ratioText({ value, low, high }: ConfidenceInterval): string {
  return `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
}

/** For plots of one's own; quoted, for names have commas. */
export function comparisonCsv({ runs }: Comparison): string {
  const head = 'run,folder,simulated,cold_share,cold_low,cold_high,committed_gib_s,on_front';
  const rows = runs.map(({ folder, figures, is_on_front }) => {
    const { value, low, high } = figures.cold_share;
    const names = [figures.name, folder].map((name) => `"${name.replaceAll('"', '""')}"`);
    return [...names, figures.simulated, value, low, high, figures.committed_gib_s, is_on_front];
  });
  return `${[head, ...rows.map((row) => row.join(','))].join('\n')}\n`;
}
