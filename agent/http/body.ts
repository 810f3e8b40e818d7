/** Bodies of requests on their way in: one is bounded, and all together are. */
import type { IncomingMessage } from 'node:http';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { agentError, type AgentErrorCode } from '../model/errors.ts';
import { errorOf } from '../model/failure.ts';
import { REFUSALS } from '../model/refusals.ts';

export class Bodies {
  readonly #limit_bytes: number;
  #bytes = 0;

  constructor(limit_bytes: number = AGENT_LIMITS.http_bodies_bytes) {
    this.#limit_bytes = limit_bytes;
  }

  /**
   * All of it. Throws HP_AGENT_HTTP_BODY where it is longer than a payload may be,
   * HP_AGENT_PAYLOADS_HELD where others hold the room for it, HP_AGENT_CANCELLED when it is cut.
   */
  async read(request: IncomingMessage): Promise<Buffer> {
    if (Number(request.headers['content-length'] ?? 0) > PROTOCOL.payload_bytes) throw tooLong();
    const parts: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const part of request.iterator({ destroyOnReturn: false })) {
        bytes += part.length;
        this.#bytes += part.length;
        if (bytes > PROTOCOL.payload_bytes) throw tooLong();
        if (this.#bytes > this.#limit_bytes) {
          throw errorOf(REFUSALS.payloadsHeld(bytes, this.#limit_bytes));
        }
        parts.push(part);
      }
    } catch (error) {
      if (request.errored) throw errorOf(REFUSALS.cancelled());
      // Behind the rest of it may come the next request of its connection.
      request.resume();
      throw error;
    } finally {
      this.#bytes -= bytes;
    }
    return Buffer.concat(parts);
  }
}

function tooLong(): Error {
  const code: AgentErrorCode = 'HP_AGENT_HTTP_BODY';
  return agentError(
    code,
    `the body is longer than the ${PROTOCOL.payload_bytes} bytes of a payload.`,
  );
}
