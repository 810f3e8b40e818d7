/**
 * The payloads of open invocations and their answers: beside the core, whose state has no need of
 * them, and bounded, so that callers who send much cannot fill the agent.
 */
import { assert } from '../../base/assert.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { errorOf } from '../model/failure.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { FunctionAnswer, Call } from '../model/work.ts';

interface Held {
  /** Null: it was an earlier agent's. */
  readonly call: Call | null;
  answer: FunctionAnswer | null;
}

export class HeldPayloads {
  readonly #held = new Map<string, Held>();
  readonly #limit_bytes: number;
  #bytes = 0;

  constructor(limit_bytes: number = AGENT_LIMITS.payloads_held_bytes) {
    this.#limit_bytes = limit_bytes;
  }

  /** Throws HP_AGENT_PAYLOADS_HELD when it is one too many. */
  hold(request_id: string, call: Call): void {
    const bytes = call.payload.length;
    if (bytes > 0 && this.#bytes + bytes > this.#limit_bytes) {
      throw errorOf(REFUSALS.payloadsHeld(bytes, this.#limit_bytes));
    }
    this.#bytes += bytes;
    this.#held.set(request_id, { call, answer: null });
  }

  callOf(request_id: string): Call {
    const held = this.#held.get(request_id);
    assert(held?.call, 'an invocation at work has its payload');
    return held.call;
  }

  /** Kept for the caller; one whose caller was answered already is dropped. */
  answer(request_id: string, answer: FunctionAnswer): void {
    const held = this.#held.get(request_id);
    if (!held) return;
    this.#bytes += answer.bytes.length;
    held.answer = answer;
  }

  /** The answer to an invocation of an earlier agent, until it is released. */
  resumed(request_id: string, answer: FunctionAnswer): void {
    this.#held.set(request_id, { call: null, answer: null });
    this.answer(request_id, answer);
  }

  /** The answer, if one came, which goes on being held. */
  answerOf(request_id: string): FunctionAnswer | null {
    return this.#held.get(request_id)?.answer ?? null;
  }

  /** Gives the answer away, if one came, and holds nothing of the invocation any longer. */
  release(request_id: string): FunctionAnswer | null {
    const held = this.#held.get(request_id);
    if (!held) return null;
    this.#held.delete(request_id);
    this.#bytes -= (held.call?.payload.length ?? 0) + (held.answer?.bytes.length ?? 0);
    return held.answer;
  }

  /** What is held now. */
  get bytes(): number {
    return this.#bytes;
  }
}
