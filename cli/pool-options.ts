/** Options of the policy `pool`, for commands that play it. */
import { DEFAULT_POOL, type PoolSpec } from '../agent/model/pool-spec.ts';
import { badValue } from './errors.ts';
import type { Command } from './command.ts';
import type { Values } from './values.ts';

export const POOL_OPTIONS = {
  'pool-bucket': {
    value: 'SECONDS',
    summary: 'of pool: the length of a bucket; each of several, with commas, is a run',
    default: String(DEFAULT_POOL.bucket_ms / 1_000),
  },
  'pool-active': {
    value: 'N',
    summary: 'of pool: buckets in which instances are kept idle',
    default: String(DEFAULT_POOL.active_buckets),
  },
  'pool-degraded': {
    value: 'N',
    summary: 'of pool: buckets after them in which regions are kept plugged',
    default: String(DEFAULT_POOL.degraded_buckets),
  },
  'pool-percentile': {
    value: 'N',
    summary: 'of pool: of the calls, that are to find an idle instance',
    default: String(DEFAULT_POOL.percentile),
  },
  'pool-worth': {
    value: 'GIBS',
    summary: 'of pool: a cold plug is worth so many GiB s of idle memory; several: a run each',
  },
} satisfies Command['options'];

/** One for each length of a bucket and each price. Throws HP_CLI_BAD_VALUE. */
export function poolsOf(values: Values): PoolSpec[] {
  const worths = worthsOf(values);
  return bucketsOf(values).flatMap((pool) =>
    worths.map((worth_gib_s) => ({ ...pool, worth_gib_s })),
  );
}

function worthsOf(values: Values): (number | null)[] {
  const text = values.optional('pool-worth');
  if (text === undefined) return [DEFAULT_POOL.worth_gib_s];
  return text.split(',').map((one) => {
    const gib_s = /^\d+(\.\d+)?$/.test(one) ? Number(one) : Number.NaN;
    if (gib_s > 0 && gib_s <= 86_400_000) return gib_s;
    throw badValue('pool-worth', one, 'GiB s above 0');
  });
}

function bucketsOf(values: Values): Omit<PoolSpec, 'worth_gib_s'>[] {
  const of_each = {
    active_buckets: values.whole('pool-active', 1, 1_000),
    degraded_buckets: values.whole('pool-degraded', 0, 1_000),
    percentile: values.number('pool-percentile', 50, 99.99),
  };
  return values
    .text('pool-bucket')
    .split(',')
    .map((text) => {
      const seconds = /^\d+$/.test(text) ? Number(text) : Number.NaN;
      if (seconds >= 1 && seconds <= 86_400) return { ...of_each, bucket_ms: seconds * 1_000 };
      throw badValue('pool-bucket', text, 'whole seconds up to 86400');
    });
}
