/** What `hotplane status` says of a DAG. Pure. */
import type { DagStatus } from '../../agent/api/client.ts';
import { formatMs } from '../../base/units.ts';
import { spentText } from './spent.ts';

export function renderDag({
  dag,
  running,
  met,
  missed,
  failed,
  spent,
  took_ms,
}: DagStatus): string {
  const done = met + missed;
  const share = done === 0 ? 'none is done yet' : `${((100 * met) / done).toFixed(1)} % in time`;
  const stages = dag.stages.length === 1 ? '1 stage' : `${dag.stages.length} stages`;
  return (
    `\n${dag.name}  DAG of ${stages}, deadline ${formatMs(dag.deadline_ms)}\n` +
    `  calls       ${share} (${met} met, ${missed} missed, ${failed} failed, ${running} running)\n` +
    (done === 0
      ? ''
      : `  time        ${formatMs(took_ms / done)} each: ${spentText(spent, done)}\n`)
  );
}
