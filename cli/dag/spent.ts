/** Where the time of a DAG went, for people. Pure. */
import type { DagStatus } from '../../agent/api/client.ts';
import { formatMs } from '../../base/units.ts';

export function spentText(spent: DagStatus['spent'], divisor = 1): string {
  const { wait_ms, permit_ms, plug_ms, start_ms, run_ms } = spent;
  const parts = { wait: wait_ms, permit: permit_ms, plug: plug_ms, start: start_ms, run: run_ms };
  return Object.entries(parts)
    .map(([name, ms]) => `${name} ${formatMs(ms / divisor)}`)
    .join(', ');
}
