/** What Status tells of the queue of operations, and of promises about memory. Pure. */
import { z } from 'zod';
import { bytes, count, duration_ms, field, message, moment_ms, text } from './fields.ts';

const lateReclaimSchema = message(
  'LateReclaim',
  {
    operation_id: field(1, text),
    at_ms: field(2, moment_ms, 'when it was over'),
    promised_ms: field(3, duration_ms),
    predicted_ms: field(4, duration_ms.nullable(), 'absent: nothing was known then'),
    took_ms: field(5, duration_ms, 'from its decision'),
    because: field(6, text, 'where the time went'),
  },
  'An operation that came later than promised.',
);

export const reclaimStatusSchema = message(
  'ReclaimStatus',
  {
    ms_per_gib: field(1, duration_ms, 'promised'),
    percentile: field(2, z.number(), 'of the operations for which it is promised'),
    kept: field(3, count),
    late: field(4, count),
    foreseen: field(5, count, 'of those that were late: it was said before'),
    withdrawn: field(6, count, 'a start took the region over'),
    kept_percent: field(7, z.number().nullable(), 'absent: none is over'),
    predicted_ms_per_gib: field(8, duration_ms.nullable(), 'of the next; absent: not known'),
    last_late: field(9, lateReclaimSchema.nullable(), 'absent: none was'),
  },
  'What became of the promise about memory that a function gives up (reclaim_slo).',
);
export type ReclaimStatus = z.infer<typeof reclaimStatusSchema>;

export const queueStatusSchema = message(
  'QueueStatus',
  {
    waiting: field(1, count, 'operations that wait for their turn'),
    heavy: field(2, count, 'tokens taken by unplugs of more than 128 MiB: one for each 128 MiB'),
    tokens: field(3, count, 'how many there are now'),
    tokens_max: field(4, count, 'how many there are at most, as configured'),
    slowdown: field(
      5,
      z.number().nullable(),
      'how many times as long the worst function ran beside them; absent: not known',
    ),
    step_bytes: field(6, bytes.nullable(), 'absent: memory is given back all at once'),
  },
  'The queue in which changes of memory wait for their turn.',
);
export type QueueStatus = z.infer<typeof queueStatusSchema>;
