/** What the configuration says of the queue of operations. Pure. */
import { DEFAULT_QUEUE, type QueueConfig } from '../../agent/model/operation-queue.ts';
import { CLI_LIMITS } from '../limits.ts';
import type { Values } from '../values.ts';

/** How changes of memory wait for their turn; `yields`: whether VMMs do, beside them. */
export function queueOf(values: Values, yields: boolean): QueueConfig {
  const most = CLI_LIMITS.operations_max;
  const optional = (name: string, lowest: number, highest: number): number | null =>
    values.optional(name) === undefined ? null : values.whole(name, lowest, highest);
  const wait_ms = values.whole('reclaim-wait-ms', 0, 600_000);
  return {
    ...DEFAULT_QUEUE,
    step_bytes: values.text('reclaim-step') === 'off' ? null : values.bytes('reclaim-step'),
    tokens_max: values.whole('reclaim-tokens', 1, most),
    tokens_first: optional('reclaim-tokens-first', 1, most),
    slowdown_max: 1 + values.whole('reclaim-slowdown', 0, 10_000) / 100,
    wait_ms: { ...DEFAULT_QUEUE.wait_ms, reclaim: wait_ms },
    at_once_max: optional('operations-max', 1, most),
    hold_ms_per_gib_s: optional('hold-ms-per-gib-s', 1, 1_000_000),
    yields,
  };
}
