/** The tables of a run, as text. Pure. */
import {
  checkTable,
  ratioText,
  renderText,
  type TextTable,
  timeText,
} from '../reclaim/report/table.ts';
import { STAGE_TEXTS, STAGES } from './stages.ts';
import type { BurstSummary, InvokeSummary } from './summary.ts';

/** Everything a run has to say, below its head lines. */
export function renderSummary(
  { bursts, checks }: InvokeSummary,
  more: readonly TextTable[] = [],
): string {
  const sizes = [...new Set(bursts.map(({ starts }) => starts))];
  const tables = sizes.flatMap((starts) => {
    const own = bursts.filter((burst) => burst.starts === starts);
    return starts === 1
      ? [stageTable(starts, own)]
      : [stageTable(starts, own), edgeTable(starts, own)];
  });
  const shown = [...tables, ...more, ...(checks.length > 0 ? [checkTable(checks)] : [])];
  return `${shown.map(renderText).join('\n\n')}\n`;
}

function stageTable(starts: number, bursts: readonly BurstSummary[]): TextTable {
  return {
    title: starts === 1 ? 'One start' : `${starts} starts at once`,
    note: 'From the request of the caller to each stage, median of all starts [least-most].',
    columns: ['mechanism', ...STAGES.map((stage) => STAGE_TEXTS[stage]), 'n'],
    rows: bursts.map(({ mechanism, stages_ms }) => [
      mechanism,
      ...STAGES.map((stage) => timeText(stages_ms[stage])),
      String(stages_ms.told?.n ?? 0),
    ]),
  };
}

function edgeTable(starts: number, bursts: readonly BurstSummary[]): TextTable {
  return {
    title: `${starts} starts at once: first and last`,
    note: 'Until the agent was told that the first and the last instance of a burst is ready.',
    columns: ['mechanism', 'first', 'first / lone', 'last', 'last / static', 'median / virtio-mem'],
    rows: bursts.map((burst) => [
      burst.mechanism,
      timeText(burst.first_ms),
      ratioText(burst.first_over_lone),
      timeText(burst.last_ms),
      ratioText(burst.last_over_static),
      ratioText(burst.median_over_stock),
    ]),
  };
}
