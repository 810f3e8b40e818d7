/** What memory a simulated host has, and what it does without. Pure. */
export interface HostModel {
  /** Infinite: whatever is asked for is granted. */
  readonly limit_bytes: number;
  /** Without memory for a start: the newcomer is refused, as the agent does, or all wait. */
  readonly when_short: 'refuse' | 'wait';
  /** Kept free by stopping idle instances early; 0: none. */
  readonly reserve_bytes: number;
}

export const WIDE_HOST: HostModel = {
  limit_bytes: Number.POSITIVE_INFINITY,
  when_short: 'refuse',
  reserve_bytes: 0,
};
