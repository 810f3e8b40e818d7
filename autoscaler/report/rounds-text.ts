/** The rounds of a replay as a table for people, and as rows for plots of one's own. Pure. */
import { csvField } from '../../base/csv.ts';
import type { ConfidenceInterval } from '../results/intervals.ts';
import { NONE } from './figures.ts';
import { figureOf, ROUND_FIGURES, type FigureOverRounds, type Round } from './rounds.ts';
import type { MechanismOverRounds, RoundsSummary } from './rounds.ts';

export function renderRounds(summary: RoundsSummary): string {
  const { mechanisms, rounds, baseline } = summary;
  const row = (label: string, cell: (one: MechanismOverRounds) => string): string[] => [
    label,
    ...mechanisms.map(cell),
  ];
  const lines: string[][] = [
    ['', ...mechanisms.map((one) => one.mechanism)],
    row('rounds that count', (one) => countedText(one, rounds.length)),
  ];
  for (const { name, text } of ROUND_FIGURES) {
    const of = (one: MechanismOverRounds): FigureOverRounds | undefined =>
      one.figures.find((figure) => figure.name === name);
    if (mechanisms.every((one) => (of(one)?.n ?? 0) === 0)) continue;
    lines.push(
      row(text, (one) => spreadText(of(one))),
      row('  mean (95 %)', (one) => intervalText(of(one)?.mean ?? null)),
    );
    const is_ratio = mechanisms.some((one) => of(one)?.against_baseline);
    if (!is_ratio) continue;
    const label = `  against ${baseline} (95 %)`;
    lines.push(row(label, (one) => intervalText(of(one)?.against_baseline ?? null, 3)));
  }
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const table = lines.map((line) =>
    line
      .map((cell, at) =>
        at === 0 ? cell.padEnd(widths?.[0] ?? 0) : cell.padStart(widths?.[at] ?? 0),
      )
      .join('   ')
      .trimEnd(),
  );
  const notes = mechanisms.some(({ left_out }) => left_out.length > 0)
    ? [...NOTES, LEFT_OUT]
    : NOTES;
  return `${[...table, '', ...notes].join('\n')}\n`;
}

const NOTES = [
  'median [min-max] over the rounds that count, n: how many told it; means after Student; ratios',
  'are made within a round, their mean is geometric. A round that was disturbed, or in which work',
  'was not done, counts for nothing of that mechanism.',
];

const LEFT_OUT = 'What those rounds measured all the same stands in rounds.csv, with why not.';

function countedText({ rounds_counted, left_out }: MechanismOverRounds, of: number): string {
  const reasons = new Set(left_out.flatMap((one) => one.reasons));
  const why = reasons.size === 0 ? '' : ` (${[...reasons].join(', ')})`;
  return `${rounds_counted} of ${of}${why}`;
}

function spreadText(figure: FigureOverRounds | undefined): string {
  if (!figure || figure.n === 0 || figure.median === null) return NONE;
  const { median, min, max, n } = figure;
  return `${valueText(median)} [${valueText(min)}-${valueText(max)}], n = ${n}`;
}

function intervalText(found: ConfidenceInterval | null, digits?: number): string {
  if (!found) return NONE;
  const [value, low, high] = [found.value, found.low, found.high].map((one) =>
    digits === undefined ? valueText(one) : one.toFixed(digits),
  );
  return `${value} (${low} to ${high})`;
}

/** Four digits that mean something, and no exponent. */
function valueText(value: number | null): string {
  if (value === null) return NONE;
  const size = Math.abs(value);
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 4);
}

/** A row for each mechanism of each round, whether it counts or not. */
export function roundsCsv(rounds: readonly Round[]): string {
  const names = ROUND_FIGURES.map(({ name }) => name);
  const head = ['round', 'position', 'mechanism', 'not_compared', ...names];
  const rows = rounds.flatMap(({ round, summary }) =>
    summary.mechanisms.map((one, index) => [
      round,
      index + 1,
      one.mechanism,
      one.not_compared.map(({ code }) => code).join(' '),
      ...names.map((name) => figureOf(name, one)),
    ]),
  );
  return `${[head, ...rows].map((row) => row.map(csvField).join(',')).join('\n')}\n`;
}
