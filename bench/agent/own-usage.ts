/** The inside of a process of the bench: tells what it uses, ends when told to or left alone. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type ChildNews, orderSchema, type Usage } from './child-messages.ts';

/** How often the loop is looked at; its own lateness is what is beyond. */
const LOOK_MS = 10;
const LOOKS_FOR_P99 = 100;
const NS_PER_MS = 1e6;

export type UsageCounters = Pick<Usage, 'plugs' | 'unplugs' | 'errors' | 'first_error'>;

export const NO_COUNTERS: UsageCounters = { plugs: 0, unplugs: 0, errors: 0, first_error: '' };

/**
 * Answers the parent's orders. The signal aborts when the process is to end: told so, or because
 * its parent is gone. Signals of a terminal are the parent's affair.
 */
export function serveParent(counters: () => UsageCounters): AbortSignal {
  const stop = new AbortController();
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.on('SIGTERM', () => stop.abort());
  process.on('disconnect', () => stop.abort());
  process.on('message', (message) => {
    const { data: order } = orderSchema.safeParse(message);
    if (order?.type === 'stop') stop.abort();
    if (order?.type !== 'usage') return;
    tellParent({ type: 'usage', id: order.id, usage: { ...ownUsage(delay), ...counters() } });
    delay.reset();
  });
  return stop.signal;
}

/** To a parent that is gone nothing is said. */
export function tellParent(news: ChildNews): void {
  if (process.connected) process.send?.(news, () => undefined);
}

type Delay = ReturnType<typeof monitorEventLoopDelay>;

function ownUsage(delay: Delay): Omit<Usage, keyof UsageCounters> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const n = delay.count;
  const p99 = n < LOOKS_FOR_P99 ? null : late(delay.percentile(99));
  const p50 = n === 0 ? 0 : late(delay.percentile(50));
  return {
    user_us: user,
    system_us: system,
    rss_bytes: rss,
    heap_bytes: heapUsed,
    lag_ms: { n, p50, p99, max: n === 0 ? 0 : late(delay.max) },
  };
}

const late = (ns: number): number => Math.max(0, ns / NS_PER_MS - LOOK_MS);
