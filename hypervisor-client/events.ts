/** Who reads events of a VMM: a reader that does not read holds nobody up. */
import type { QueueOptions } from '../base/broadcast.ts';
import { VMM_LIMITS } from './limits.ts';

/** Older events are dropped and counted. */
export const VMM_EVENTS: QueueOptions = {
  limit: VMM_LIMITS.events_queued,
  overflow: 'drop-oldest',
};
