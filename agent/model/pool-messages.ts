/** What Status tells of memory that stands ready, rung by rung. Pure. */
import { z } from 'zod';
import { count, field, message, moment_ms } from './fields.ts';
import { RUNGS } from './pool.ts';

export const rungStatusSchema = message(
  'RungStatus',
  {
    rung: field(1, z.enum(RUNGS)),
    have: field(2, count.nullable(), 'regions there now; absent: this rung is not offered'),
    want: field(3, count.nullable(), 'as policy and targets have it; absent: nobody said'),
    asked: field(
      4,
      count.nullable(),
      'who looked there: calls for an idle instance, starts that a call waits for for a region',
    ),
    hits: field(5, count.nullable(), 'those that found one at once'),
    hit_percent: field(6, z.number().nullable(), 'absent: nobody looked'),
    idle_gib_s: field(
      7,
      z.number().nullable(),
      'what standing there has cost since the agent began',
    ),
    used_at_ms: field(8, moment_ms.nullable(), 'the last hit; absent: there was none'),
  },
  'One rung of the ladder from no memory to memory in use.',
);
export type RungStatus = z.infer<typeof rungStatusSchema>;

export const guestPagesSchema = message(
  'GuestPages',
  {
    cleared: field(1, count, 'for who wanted them to be zero'),
    skipped: field(2, count, 'wanted to be zero, and were so: nobody had to clear them'),
    prepared: field(3, count, 'cleared ahead'),
    cleared_twice: field(4, count, 'cleared though they were known to be zero: 0'),
  },
  'Pages of partitions that its guests have cleared, since they booted.',
);
export type GuestPages = z.infer<typeof guestPagesSchema>;
