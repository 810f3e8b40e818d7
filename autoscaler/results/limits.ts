/** Limits of a result folder that is read. Pure. */
export const RESULT_LIMITS = {
  /** One line of a result file. */
  line_bytes: 1024 * 1024,
} as const;
