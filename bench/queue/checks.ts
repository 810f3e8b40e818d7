/** What giving memory back may cost functions beside it, with all ideas on. Pure. */
import { DEFAULT_QUEUE } from '../../agent/model/operation-queue.ts';
import { atLeast, atMost, type Check, intervalText, shown } from '../check.ts';
import type { ArmFigures, QueueSummary } from './figures.ts';
import type { NeighbourName } from './plan.ts';

/** Of its p99 where nothing is given back. */
const P99_TIMES: readonly (readonly [NeighbourName, string, number])[] = [
  ['short', '4 ms', 1.2],
  ['long', '40 ms', 1.05],
];
const THROUGHPUT = 0.75;

export function queueChecks({ arms }: QueueSummary): Check[] {
  const all = arms.find(({ arm }) => arm === 'all');
  const failed = arms.reduce((sum, arm) => sum + arm.failed, 0);
  return [
    atMost('failed', 'calls that failed', {
      target: 0,
      unit: '',
      measured: arms.length > 0 ? failed : null,
      detail: arms.find(({ reason }) => reason !== null)?.reason ?? '',
    }),
    ...P99_TIMES.map(([name, title, target]) => p99Check(all, name, title, target)),
    atLeast('throughput', 'all: memory given back in a second, of that without any of it', {
      target: THROUGHPUT,
      unit: 'times',
      measured: all?.throughput ?? null,
      detail: `${shown(all?.back_gib_per_s ?? null)} GiB/s; kept in ${all?.kept ?? 0} cycles`,
    }),
    ...waitChecks(all),
  ];
}

function p99Check(
  all: ArmFigures | undefined,
  name: NeighbourName,
  title: string,
  target: number,
): Check {
  const figures = all?.neighbours.find((one) => one.name === name);
  const ratio = figures?.p99 ?? null;
  const few = figures ? `${figures.busy} and ${figures.control} calls: too few for a p99` : '';
  return atMost(`${name}_p99`, `all: p99 of a call of ${title} while memory is given back`, {
    target,
    unit: 'times',
    measured: ratio?.ratio ?? null,
    detail: ratio ? intervalText(ratio) : few,
  });
}

/** Nothing waits for its turn for longer than its class may. */
function waitChecks(all: ArmFigures | undefined): Check[] {
  const { wait_ms } = DEFAULT_QUEUE;
  const [start, reclaim] = [all?.start_held_ms ?? null, all?.reclaim_held_ms ?? null];
  return [
    heldCheck('start_held', 'longest wait of a start for its turn', wait_ms.start, start),
    heldCheck('reclaim_held', 'longest wait of an unplug for its turn', wait_ms.reclaim, reclaim),
  ];
}

function heldCheck(name: string, title: string, target: number, measured: number | null): Check {
  return atMost(name, `all: ${title}`, { target, unit: 'ms', measured, detail: '' });
}
