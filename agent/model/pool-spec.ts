/** How a function's memory is kept ready for calls that are to come; see model/pool.ts. Pure. */
import { z } from 'zod';
import { field, known, message } from './fields.ts';

/** The policy that keeps it so: it answers for every function that says how. */
export const POOL_POLICY_NAME = 'pool';

const BUCKET_MS_MAX = 86_400_000;
const BUCKETS_MAX = 1_000;
/** A TiB for a day: more is the same as never to end. */
const WORTH_GIB_S_MAX = 86_400_000;

export const poolSpecSchema = message(
  'PoolSpec',
  {
    bucket_ms: field(
      1,
      z.number().int().min(1_000).max(BUCKET_MS_MAX),
      'time is cut into buckets of so much, and what was used last in one of them ages together',
    ),
    active_buckets: field(
      2,
      z.number().int().min(1).max(BUCKETS_MAX),
      'the newest ones: as many instances as calls want are kept',
    ),
    degraded_buckets: field(
      3,
      z.number().int().min(0).max(BUCKETS_MAX),
      'after them: regions alone are kept plugged; then nothing is',
    ),
    percentile: field(
      4,
      z.number().min(50).max(99.99),
      'of the calls, that are to find an idle instance',
    ),
    worth_gib_s: field(
      5,
      known(z.number().positive().max(WORTH_GIB_S_MAX)),
      'a cold plug is worth so much memory kept idle (GiB s); absent: ages go by the percentile',
    ),
  },
  'Memory that is ready before it is asked for, and how it ages.',
);
export type PoolSpec = Readonly<z.infer<typeof poolSpecSchema>>;

/** The window of InfiniStore (Zhang et al., VLDB 2023); the percentile is chosen. */
export const DEFAULT_POOL: PoolSpec = {
  bucket_ms: 600_000,
  active_buckets: 6,
  degraded_buckets: 18,
  percentile: 99,
  worth_gib_s: null,
};
