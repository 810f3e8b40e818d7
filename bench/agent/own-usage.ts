/** The inside of a process of the bench: tells what it uses, ends when told to or left alone. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assert } from '../../base/assert.ts';
import { LoopLag } from '../loop-lag.ts';
import { type ChildNews, orderSchema, type Usage } from './child-messages.ts';

export type UsageCounters = Pick<Usage, 'plugs' | 'unplugs' | 'errors' | 'first_error' | 'growths'>;

export const NO_COUNTERS: UsageCounters = { plugs: 0, unplugs: 0, errors: 0, first_error: '' };

/**
 * Answers the parent's orders. The signal aborts when the process is to end: told so, or because
 * its parent is gone. Signals of a terminal are the parent's affair.
 */
export function serveParent(counters: () => UsageCounters): AbortSignal {
  const stop = new AbortController();
  const lag = new LoopLag();
  for (const name of ['SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined);
  process.on('SIGTERM', () => stop.abort());
  process.on('disconnect', () => stop.abort());
  process.on('message', (message) => {
    const { data: order } = orderSchema.safeParse(message);
    if (order?.type === 'stop') stop.abort();
    if (order?.type !== 'usage') return;
    if (order.collect) collectGarbage();
    tellParent({ type: 'usage', id: order.id, usage: { ...ownUsage(lag), ...counters() } });
    lag.reset();
  });
  return stop.signal;
}

/** To a parent that is gone nothing is said. */
export function tellParent(news: ChildNews): void {
  if (process.connected) process.send?.(news, () => undefined);
}

/** All of it: what the first collection let go may hold more. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  assert(typeof collect === 'function', 'V8 has shown its collector');
  collect();
  collect();
}

function ownUsage(lag: LoopLag): Omit<Usage, keyof UsageCounters> {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    user_us: user,
    system_us: system,
    rss_bytes: rss,
    heap_bytes: heapUsed,
    external_bytes: external,
    lag_ms: lag.read(),
  };
}
