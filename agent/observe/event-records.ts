/** Events of the core as records, for whoever wants to play them again. */
import type { HostEvent } from '../model/events.ts';
import type { ToldEvent } from '../model/records.ts';
import type { HostState } from '../model/state.ts';
import { beginOf, type ToldLine } from '../model/told-events.ts';
import type { RecordHub } from './record-hub.ts';

/** Nothing is made of an event that nobody wants. */
export function tellEvent(hub: RecordHub, event: HostEvent, at_ms: number): void {
  if (hub.isWatched('event')) hub.publish('event', recordOf(at_ms, { event }));
}

/** The first record of a watcher: from where the events that follow go on. */
export function beginRecord(state: HostState, policy: string, at_ms: number): ToldEvent {
  return recordOf(at_ms, { begin: beginOf(state, policy) });
}

function recordOf(at_ms: number, told: ToldLine): ToldEvent {
  return { at_ms, event_json: JSON.stringify(told) };
}
