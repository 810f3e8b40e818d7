/** Limits of a ledger. Pure. */
import { assert } from '../base/assert.ts';

const MIB = 1024 * 1024;

export const LEDGER_LIMITS = {
  /** One segment; then the next begins. An agent reads the last one when it starts. */
  segment_bytes: 16 * MIB,
  /** Segments that are kept, all together: some three million calls. */
  kept_bytes: 1024 * MIB,
  /** Kept free on the disk for what has to be said when it is full. */
  reserve_bytes: 256 * 1024,
  /** Pause between two looks at whether a full disk has room again. */
  room_again_ms: 1_000,
  /** Records that wait while the disk is full; more are counted and not kept. */
  full_records: 10_000,
  /** The newest part, which is read beside what an agent answers: some 100,000 records. */
  late_bytes: 32 * MIB,
  /** Records that one question looks at. */
  question_records: 5_000_000,
} as const;

assert(
  2 * LEDGER_LIMITS.segment_bytes < LEDGER_LIMITS.kept_bytes,
  'what is kept has more than one segment',
);
