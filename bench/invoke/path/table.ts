/** The way of a call as a table. Pure. */
import { type TextTable, timeText } from '../../reclaim/report/table.ts';
import { shown } from '../../check.ts';
import type { Spread } from '../../statistics.ts';
import { PATH_STAGE_TEXTS, PATH_STAGES } from './stages.ts';
import type { PathSummary } from './summary.ts';

export function pathTable(path: PathSummary): TextTable {
  return {
    title: 'The way of a call',
    note:
      'A warm echo in C, and the channel of a guest alone, in turns; median [least-most]. ' +
      `Channel and bare hops: ${shown(path.floor_times)} times the channel.`,
    columns: ['what', 'empty', '6 MiB'],
    rows: [
      ['call', timeText(path.call_ms), rateText(path.echo_mib_per_second)],
      ['channel', timeText(path.ping_ms), rateText(path.sent_mib_per_second)],
      ['hops of bare processes', timeText(path.hops_ms), ''],
      ...PATH_STAGES.map((stage) => [
        PATH_STAGE_TEXTS[stage],
        timeText(path.call_stages[stage]),
        timeText(path.echo_stages[stage]),
      ]),
    ],
  };
}

const rateText = (spread: Spread | null): string =>
  spread
    ? `${shown(spread.median)} MiB/s [${shown(spread.min)}-${shown(spread.max)}]`
    : 'not measured';
