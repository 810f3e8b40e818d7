/** A run as text. Pure. */
import { shown } from '../check.ts';
import { checkTable, ratioText, renderText, type TextTable } from '../reclaim/report/table.ts';
import type { ArmFigures } from './figures.ts';
import type { QueueReport } from './records.ts';

/** Everything a run has to say, below its head lines. */
export function renderQueue({ summary, checks }: QueueReport): string {
  const { arms } = summary;
  const tables = [neighbourTable(arms), armTable(arms), checkTable(checks)];
  return `${tables.map(renderText).join('\n\n')}\n`;
}

function neighbourTable(arms: readonly ArmFigures[]): TextTable {
  return {
    title: 'Calls that met an unplug, over calls that met as long a stretch of quiet time',
    note:
      'By the clock of their program; 95 % in brackets. A p99 needs 100 of both. Mixed: mean of\n' +
      'those that met the filling of memory, too, which counts in no other figure.',
    columns: ['arm', 'function', 'n', 'quiet p50', 'mean', 'p50', 'p95', 'p99', 'mixed'],
    rows: arms.flatMap(({ arm, neighbours }) =>
      neighbours.map((one) => [
        arm,
        one.name,
        `${one.busy} and ${one.control}`,
        `${shown(one.control_p50_ms)} ms`,
        ...[one.mean, one.p50, one.p95, one.p99].map(ratioText),
        `${ratioText(one.mixed_mean)}, n = ${one.mixed}`,
      ]),
    ),
  };
}

function armTable(arms: readonly ArmFigures[]): TextTable {
  return {
    title: 'All functions together, and what was given back',
    note: 'Weighted speed-up: at best the number of functions beside it. Held: longest wait, ms.',
    columns: [
      'arm',
      'worst slowdown',
      'weighted speed-up',
      'GiB/s back',
      'of off',
      'cycles',
      'kept',
      'unplugs',
      'steps',
      'start held',
      'unplug held',
    ],
    rows: arms.map((one) => [
      one.arm,
      shown(one.worst_slowdown),
      shown(one.weighted_speedup),
      shown(one.back_gib_per_s),
      shown(one.throughput),
      String(one.cycles),
      String(one.kept),
      String(one.unplugs),
      String(one.steps),
      shown(one.start_held_ms),
      shown(one.reclaim_held_ms),
    ]),
  };
}
