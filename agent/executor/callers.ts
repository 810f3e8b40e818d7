/** Callers whose requests are open: each is answered once, those of an earlier agent by nobody. */
import type { Logger } from 'pino';
import { assert } from '../../base/assert.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Reply } from '../model/actions.ts';
import type { HostEvent } from '../model/events.ts';
import { errorOf, tooManyRequests } from '../model/failure.ts';
import type { Refusal } from '../model/refusals.ts';

/** Told of every answer before its caller is; null: an earlier agent was asked. */
export type OnReply = (request_id: string, asked: HostEvent | null, reply: Reply) => void;

export class Callers {
  readonly #waiting = new Map<string, (reply: Reply) => void>();
  readonly #prefix: string;
  readonly #log: Logger;
  readonly #onReply: OnReply;
  #next = 1;

  /** `generation`: which agent of its state this is; ids of requests are never used again. */
  constructor(generation: number, log: Logger, onReply: OnReply) {
    this.#prefix = generation === 0 ? 'q' : `q${generation}-`;
    this.#log = log;
    this.#onReply = onReply;
  }

  /** The event of a new request and its answer. Throws HP_AGENT_BUSY. */
  open(event: (request_id: string) => HostEvent): { asked: HostEvent; answer: Promise<Reply> } {
    if (this.#waiting.size >= AGENT_LIMITS.requests_open) throw tooManyRequests();
    const request_id = `${this.#prefix}${this.#next}`;
    this.#next += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const asked = event(request_id);
    this.#waiting.set(request_id, (reply) => {
      this.#onReply(request_id, asked, reply);
      if (reply.kind === 'error') reject(errorOf(reply.failure));
      else resolve(reply);
    });
    return { asked, answer: promise };
  }

  answer(request_id: string, reply: Reply): void {
    const answer = this.#waiting.get(request_id);
    if (!answer && !request_id.startsWith(this.#prefix)) {
      this.#onReply(request_id, null, reply);
      return this.#tellNobody(reply);
    }
    assert(answer, 'every request is answered once');
    this.#waiting.delete(request_id);
    answer(reply);
  }

  answerAll(failure: Refusal): void {
    for (const answer of this.#waiting.values()) answer({ kind: 'error', failure });
    this.#waiting.clear();
  }

  /** Its caller went with the agent that took it. */
  #tellNobody(reply: Reply): void {
    if (reply.kind !== 'invoke') return;
    const { invocation_id: invocation, instance_id: instance, outcome, failure } = reply;
    const fields = { invocation, instance, outcome, err: failure };
    this.#log.info(fields, 'an invocation of an earlier agent ended; its caller is gone');
  }
}
