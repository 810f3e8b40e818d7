/** A status for the record: one in which every VM was heard. */
import { type Clock, hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { AgentClient } from './client.ts';
import type { StatusResponse } from '../model/messages.ts';

/**
 * Asks until every VMM and guest has answered. One status waits AGENT_LIMITS.status_vm_ms for them,
 * so that a person is never kept waiting, and on a busy host a guest takes longer at times; a count
 * that goes into a result is worth AGENT_LIMITS.heard_status_ms. Who is silent then is named in
 * `unanswered`, and what only it could tell is null.
 */
export async function heardStatus(
  api: Pick<AgentClient, 'status'>,
  name: string,
  { clock = hostClock, signal }: { readonly clock?: Clock; readonly signal: AbortSignal },
): Promise<StatusResponse> {
  let last = await api.status(name, { signal });
  const isHeard = (): true | null =>
    last.functions.every(({ unanswered }) => unanswered.length === 0) ? true : null;
  const ask = async (): Promise<true | null> => {
    if (!isHeard()) last = await api.status(name, { signal });
    return isHeard();
  };
  const deadline_ms = AGENT_LIMITS.heard_status_ms;
  const pauses = { first_pause_ms: 50, longest_pause_ms: 500 };
  await waitFor(ask, { clock, deadline_ms, signal, ...pauses });
  return last;
}
