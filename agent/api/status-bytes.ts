/**
 * The answer to Status on the wire, function by function: with 256 functions of 192 regions each it
 * takes longer to write than others can wait. Messages of protobuf that are put one behind the
 * other are one: lists are joined, and of all else the last that was told holds.
 */
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { Pieces } from '../../base/pieces.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { StatusResponse } from '../model/messages.ts';
import { NO_STATUS } from '../model/status-parts.ts';
import { StatusResponse as StatusWire } from './generated/agent.ts';
import { SERVICE } from './service.ts';

/** Of `state_json`, and of a length before bytes (its number is 5, its wire type 2). */
const STATE_TAG = 42;
/** Characters of it that are written in one turn. */
const STATE_CHARS = 1024 * 1024;

export async function statusBytes(status: StatusResponse): Promise<Buffer> {
  const { functions, state_json, ...head } = status;
  const pieces = new Pieces(AGENT_LIMITS.turn_ms);
  const written: Uint8Array[] = [];
  for (const fn of functions) {
    written.push(SERVICE.Status.encodeResponse({ ...NO_STATUS, functions: [fn] }));
    await pieces.gap();
  }
  written.push(SERVICE.Status.encodeResponse({ ...head, functions: [], state_json: null }));
  if (state_json !== null) written.push(...(await stateBytes(state_json, pieces)));
  await pieces.turn();
  const whole = Buffer.concat(written);
  // Whoever sends it copies it once more.
  await pieces.turn();
  return whole;
}

/**
 * Writes the parts of one answer to StatusParts, one after the other into the same room: a writer
 * that grows from nothing for each part leaves three times its bytes behind, of which a long answer
 * makes so many that they must be collected before it is over.
 */
export function partWriter(): (part: StatusResponse) => Buffer {
  const writer = new BinaryWriter();
  return (part) => {
    const { buffer, byteOffset, length } = StatusWire.encode(part, writer).finish();
    return Buffer.from(buffer, byteOffset, length);
  };
}

/** The field of the state: a generated writer would hold up all others for 30 ms. */
async function stateBytes(text: string, pieces: Pieces): Promise<Uint8Array[]> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + STATE_CHARS, text.length);
    // Two halves of one character are written together.
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end += 1;
    const part = Buffer.from(text.slice(at, end));
    parts.push(part);
    bytes += part.length;
    at = end;
    await pieces.gap();
  }
  return [new BinaryWriter().uint32(STATE_TAG).uint32(bytes).finish(), ...parts];
}
