/** Limits of a result folder that is read. Pure. */
export const RESULT_LIMITS = {
  /** One line of a result file. */
  line_bytes: 1024 * 1024,
  /** Held of the disk while a folder is written, for the words of how it ended. */
  reserve_bytes: 1024 * 1024,
} as const;
