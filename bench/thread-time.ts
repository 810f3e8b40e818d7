/** What the kernel says of a thread's time (Documentation/scheduler/sched-stats.rst). */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const NS_PER_MS = 1e6;
const countSchema = z.coerce.number().int().nonnegative();

/** Since the thread began. */
export interface ThreadTime {
  readonly ran_ms: number;
  /** Ready to run, and others had all CPUs. */
  readonly starved_ms: number;
}

/** Of a process's first thread; null where the kernel does not tell, or it is gone. */
export function readThreadTime(pid: number | 'self'): ThreadTime | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/schedstat`, 'utf8');
  } catch {
    return null;
  }
  const [ran, starved] = text.split(' ').map((part) => countSchema.safeParse(part).data);
  if (ran === undefined || starved === undefined) return null;
  return { ran_ms: ran / NS_PER_MS, starved_ms: starved / NS_PER_MS };
}
