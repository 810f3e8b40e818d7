/** A status for the record: one in which every VM was heard. */
import { type Clock, hostClock } from '../../base/clock.ts';
import { waitFor } from '../../base/wait.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { AgentClient } from './client.ts';
import type { RegionStatus, StatusResponse } from '../model/messages.ts';

/**
 * Asks until every VMM and guest has answered. One status waits AGENT_LIMITS.status_vm_ms for them,
 * so that a person is never kept waiting, and on a busy host a guest takes longer at times; a count
 * that goes into a result is worth AGENT_LIMITS.heard_status_ms. Who is silent then is named in
 * `unanswered`, and what only it could tell is null. A guest counts what it has after its VMM was
 * told: where the two say different sizes, they are asked again for observers_agree_ms.
 */
export async function heardStatus(
  api: Pick<AgentClient, 'status'>,
  name: string,
  { clock = hostClock, signal }: { readonly clock?: Clock; readonly signal: AbortSignal },
): Promise<StatusResponse> {
  let last = await api.status(name, { signal });
  const until = async (isEnough: (one: StatusResponse) => boolean, deadline_ms: number) => {
    const ask = async (): Promise<true | null> => {
      if (isEnough(last)) return true;
      const next = await api.status(name, { signal });
      // Who was heard is not given for a look at which somebody is late.
      if (!isHeard(last) || isHeard(next)) last = next;
      return isEnough(last) ? true : null;
    };
    await waitFor(ask, { clock, deadline_ms, signal, ...PAUSES });
  };
  await until(isHeard, AGENT_LIMITS.heard_status_ms);
  if (isHeard(last)) await until(isAgreed, AGENT_LIMITS.observers_agree_ms);
  return last;
}

const PAUSES = { first_pause_ms: 50, longest_pause_ms: 500 };

const isHeard = ({ functions }: StatusResponse): boolean =>
  functions.every(({ unanswered }) => unanswered.length === 0);

const isAgreed = ({ functions }: StatusResponse): boolean =>
  functions.every(({ regions }) => regions.every(isSame));

const isSame = ({ plugged_bytes, guest_plugged_bytes }: RegionStatus): boolean =>
  plugged_bytes === null || guest_plugged_bytes === null || plugged_bytes === guest_plugged_bytes;
