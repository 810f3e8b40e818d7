/** What an agent with real VMs says of one function, once all who are asked have answered. */
import { heardStatus } from '../../agent/api/heard-status.ts';
import type { HostAgent } from '../../agent/executor/host-agent.ts';
import type { FunctionStatus } from '../../agent/model/messages.ts';
import { assert } from '../../base/assert.ts';

/** A guest that is late at one look leaves null in it; so it is looked at again. */
export async function heardFunction(
  agent: Pick<HostAgent, 'status'>,
  name: string,
): Promise<FunctionStatus> {
  const { signal } = new AbortController();
  const api = { status: async (of = '') => await agent.status(of) };
  const [status] = (await heardStatus(api, name, { signal })).functions;
  assert(status, 'it is deployed');
  return status;
}
