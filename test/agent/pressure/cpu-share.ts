/** What one process gets of a CPU that another wants, too. */
import { readFileSync } from 'node:fs';
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';

/** Of both together: two seconds, of a hundred ticks. */
const TICKS = 200;

interface Process {
  readonly pid: number;
}

/** utime of a process, in ticks. */
function ticksOf({ pid }: Process): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[11]);
}

/** What the first gets of what both get, until that is two seconds; null: they do not get that. */
export async function cpuShare(
  one: Process,
  other: Process,
  deadline_ms: number,
): Promise<number | null> {
  const [one_ticks, other_ticks] = [ticksOf(one), ticksOf(other)];
  const look = (): number | null => {
    const [mine, its] = [ticksOf(one) - one_ticks, ticksOf(other) - other_ticks];
    return mine + its >= TICKS ? mine / (mine + its) : null;
  };
  return await waitFor(look, { clock: hostClock, deadline_ms });
}
