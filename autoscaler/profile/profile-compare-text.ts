/** A comparison of two profile runs as text. Pure. */
import { printable } from '../../base/printable.ts';
import type { DifferenceVerdict, PercentileDifference } from './difference.ts';
import type { ComparedStage, ProfileComparison } from './profile-compare.ts';
import { inColumns, ms, spaced } from './profile-text.ts';

const HEAD = ['ms', 'n', '', 'a', 'b', 'b - a', '95 %', ''];

export function renderProfileComparison(comparison: ProfileComparison): string {
  const { a, b, differs, stages, only_in_one } = comparison;
  const found = stages
    .flatMap(({ p50, p95, p99 }) => [p50, p95, p99])
    .filter((one) => one !== null);
  const told = (verdict: DifferenceVerdict): number =>
    found.filter((one) => one.verdict === verdict).length;
  return `${[
    `a = ${a}, b = ${b}`,
    ...differs.map((one) => `differs: ${printable(one)}`),
    '',
    ...inColumns([HEAD, ...groups(stages)]),
    '',
    ...only_in_one.map((one) => printable(one)),
    `${found.length} figures: ${told('longer')} longer in b, ${told('shorter')} shorter, ` +
      `${told('not told apart')} not told apart from noise, ${told('too few')} of too few calls`,
    'Intervals hold 95 of 100 differences of calls that are drawn again: of figures that are alike',
    'one in twenty looks told apart all the same. Calls of one run have a host and its load in common,',
    'which no interval of one pair of runs knows: run both again before much hangs on it.',
  ].join('\n')}\n`;
}

/** A head for each instance, cold and warm apart, and the rows of its stages. */
function groups(stages: readonly ComparedStage[]): string[][] {
  let before = '';
  return stages.flatMap((one) => {
    const name = `${printable(one.instance, 40)} ${one.cold ? 'cold' : 'warm'}`;
    const head = name === before ? [] : [[name]];
    before = name;
    const figures = [
      ['p50', one.p50],
      ['p95', one.p95],
      ['p99', one.p99],
    ] as const;
    const rows = figures.flatMap(([percent, figure], index) => {
      if (!figure) return [];
      const first = index === 0 ? [`  ${spaced(one.part)}`, one.n.join(' / ')] : ['', ''];
      return [[...first, percent, ...cellsOf(figure)]];
    });
    return [...head, ...rows];
  });
}

function cellsOf({ a_ms, b_ms, difference_ms, low_ms, high_ms, verdict }: PercentileDifference) {
  const range =
    low_ms === null || high_ms === null ? '' : `${signed(low_ms)} to ${signed(high_ms)}`;
  return [ms(a_ms), ms(b_ms), signed(difference_ms), range, verdict];
}

const signed = (value: number): string => `${value > 0 ? '+' : ''}${ms(value)}`;
