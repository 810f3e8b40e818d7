/** Who reads events of a VMM: a reader that does not read holds nobody up. */
import type { QueueOptions } from '../base/broadcast.ts';
import { LIMITS } from '../base/limits.ts';

/** Older events are dropped and counted. */
export const VMM_EVENTS: QueueOptions = {
  limit: LIMITS.vmm_events_queued,
  overflow: 'drop-oldest',
};
