/**
 * The answer to Status on the wire, function by function: with 256 functions of 192 regions each it
 * takes longer to write than others can wait. Messages of protobuf that are put one behind the
 * other are one: lists are joined, and of all else the last that was told holds.
 */
import { Pieces } from '../../base/pieces.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { StatusResponse } from '../model/messages.ts';
import { SERVICE } from './service.ts';

/** Tells nothing. */
const NOTHING: StatusResponse = {
  functions: [],
  host_limit_bytes: 0,
  permits_bytes: 0,
  version: '',
  state_json: null,
  pid: 0,
  granted_bytes: 0,
  free_bytes: 0,
  host_memory: null,
  ledger: null,
};

export async function statusBytes({ functions, ...head }: StatusResponse): Promise<Buffer> {
  const pieces = new Pieces(AGENT_LIMITS.status_regions_at_once);
  const written: Buffer[] = [];
  for (const fn of functions) {
    written.push(SERVICE.Status.encodeResponse({ ...NOTHING, functions: [fn] }));
    await pieces.did(fn.regions.length);
  }
  const rest = SERVICE.Status.encodeResponse({ ...head, functions: [] });
  await pieces.did(AGENT_LIMITS.status_regions_at_once);
  return Buffer.concat([...written, rest]);
}
