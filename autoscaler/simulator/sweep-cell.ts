/** One cell of a sweep, played; the same in a thread of its own and without one. Pure. */
import { formatBytes } from '../../base/units.ts';
import type { RunFigures } from '../results/simulation.ts';
import { MECHANISM_MODELS } from './mechanism-models.ts';
import { needsReference, runOne } from './simulation.ts';
import type { SweepCell } from './sweep-grid.ts';
import type { SimWorkload } from './workload.ts';

export function playCell(workload: SimWorkload, cell: SweepCell): RunFigures {
  const mechanism = MECHANISM_MODELS.get(cell.mechanism);
  if (!mechanism) throw new RangeError(`there is no mechanism ${cell.mechanism}`);
  const { choice, host_limit_bytes, when_short, start_ms, stop_ms } = cell;
  const limit_bytes = host_limit_bytes ?? Number.POSITIVE_INFINITY;
  const host = { limit_bytes, when_short, reserve_bytes: 0 };
  const costs = { mechanism, start_ms, stop_ms };
  const engine = needsReference(choice) ? 'reference' : 'fast';
  const figures = runOne({ workload, costs, host, choices: [choice], engine }, choice);
  const limit = host_limit_bytes === null ? '' : `, ${formatBytes(host_limit_bytes)} ${when_short}`;
  const times = `, start ${start_ms} ms, stop ${stop_ms} ms`;
  return { ...figures, name: `${figures.name}${limit}${times}` };
}
