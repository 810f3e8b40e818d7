/**
 * A cordon: the host takes no new work, by the word of an operator. One that drains has it emptied
 * too. It stays until it is taken away, whatever becomes of the agent. Pure.
 */
import type { HostState } from './state.ts';

/**
 * Whether the host takes new work. `open`: yes. `cordoned`: nothing new starts; what is there
 * serves on. `draining`: nothing is taken; what runs may end, and VMs end then. `drained`: no VM is
 * left.
 */
export const AVAILABILITIES = ['open', 'cordoned', 'draining', 'drained'] as const;
export type Availability = (typeof AVAILABILITIES)[number];

export interface CordonState {
  /** What runs may end, and then its VM does; else it serves on. */
  readonly drains: boolean;
  readonly author: string;
  readonly reason: string;
  /** Wall clock of the host, RFC 3339: it is read after the next boot too. */
  readonly since: string;
  /** No VM was left then; null: not yet, or it does not drain. */
  readonly drained_at_ms: number | null;
}

/** What a cordon, or none, comes to now. */
export function availabilityOf({ cordon }: Pick<HostState, 'cordon'>): Availability {
  if (!cordon) return 'open';
  if (!cordon.drains) return 'cordoned';
  return cordon.drained_at_ms === null ? 'draining' : 'drained';
}
