/**
 * Answers to invocations with a key, kept for callers who lost theirs: asked again with the key, an
 * invocation that runs is joined, and one that ended is answered as it was. Bounded in number,
 * bytes and time; in the store before anybody is told, so that a killed agent's successor knows.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { AGENT_LIMITS } from '../limits.ts';
import type { Action, InvokeReply } from '../model/actions.ts';
import type { CallKey } from '../model/call-key.ts';
import type { HostEvent } from '../model/events.ts';
import { errorOf } from '../model/failure.ts';
import { type Refusal, REFUSALS } from '../model/refusals.ts';
import type { HostState } from '../model/state.ts';
import type { Call, FunctionAnswer } from '../model/work.ts';
import { type InvocationEnd, invocationRecord } from '../observe/invocation-record.ts';
import type { RowChange } from '../store/rows.ts';

export interface AnswerBounds {
  readonly count: number;
  readonly bytes: number;
  readonly kept_ms: number;
}

const BOUNDS: AnswerBounds = {
  count: AGENT_LIMITS.answers_kept,
  bytes: AGENT_LIMITS.answers_kept_bytes,
  kept_ms: AGENT_LIMITS.answers_kept_ms,
};

/** One that ended, as it stands in its row: bytes of the answer in base64. */
interface Kept {
  readonly function: string;
  readonly key: CallKey;
  readonly at_ms: number;
  readonly end: Omit<InvocationEnd, 'answer'>;
  readonly answer: (Omit<FunctionAnswer, 'bytes'> & { readonly bytes: string }) | null;
}

/** One that runs, or waits. */
interface Open {
  readonly function: string;
  readonly key: CallKey;
  readonly joined: PromiseWithResolvers<InvocationEnd>;
  end: InvocationEnd | null;
}

export interface KeptAnswersParts {
  readonly clock: Clock;
  /** What an earlier agent kept; see StoredRows. */
  readonly rows: ReadonlyMap<string, string>;
  readonly answerOf: (request_id: string) => FunctionAnswer | null;
  readonly bounds?: AnswerBounds;
}

export class KeptAnswers {
  readonly #parts: KeptAnswersParts;
  readonly #bounds: AnswerBounds;
  /** By function and key, the oldest first, each with the length of its row. */
  readonly #kept = new Map<string, { readonly kept: Kept; readonly bytes: number }>();
  readonly #open = new Map<string, Open>();
  /** Request ids of open ones, by function and key. */
  readonly #ids = new Map<string, string>();
  #bytes = 0;

  constructor(parts: KeptAnswersParts) {
    this.#parts = parts;
    this.#bounds = parts.bounds ?? BOUNDS;
    const now_ms = parts.clock.nowMs();
    for (const [name, row] of parts.rows) {
      const kept: Kept = JSON.parse(row);
      // The clock began anew with the host: its age is not known, and is counted from now on.
      this.#keep(name, { ...kept, at_ms: Math.min(kept.at_ms, now_ms) }, row.length);
    }
  }

  /** Those that run in instances of an earlier agent. */
  openRunning({ vms }: HostState): void {
    for (const vm of vms.values()) {
      for (const { invocation } of vm.instances) {
        if (invocation?.key) this.open(vm.function, invocation.key, invocation.request_id);
      }
    }
  }

  /** From now on it is joined. */
  open(function_name: string, key: CallKey, request_id: string): void {
    const joined = Promise.withResolvers<InvocationEnd>();
    // Whoever asked first is told in another way: nobody may have joined.
    joined.promise.catch(() => undefined);
    this.#open.set(request_id, { function: function_name, key, joined, end: null });
    this.#ids.set(nameOf(function_name, key), request_id);
  }

  /** How it ended or will end; null: it was never asked. Throws HP_AGENT_KEY_REUSED. */
  find(function_name: string, key: CallKey): Promise<InvocationEnd> | null {
    const name = nameOf(function_name, key);
    const open = this.#open.get(this.#ids.get(name) ?? '');
    const kept = open ? null : this.#fresh(name);
    const known = open?.key ?? kept?.key;
    if (!known) return null;
    if (known.digest !== key.digest) throw errorOf(REFUSALS.keyReused(function_name, key.key));
    if (open) return open.joined.promise;
    return kept && Promise.resolve(endOf(kept));
  }

  /** The rows of what an event led to: written with the rest of it, before anybody is told. */
  decided(
    event: HostEvent,
    actions: readonly Action[],
    functions: HostState['functions'],
  ): RowChange[] {
    const changes: RowChange[] = [];
    for (const action of actions) {
      if (action.type !== 'reply' || action.reply.kind !== 'invoke') continue;
      this.#ended(action.request_id, action.reply, changes);
    }
    if (event.type !== 'vm-gone') return changes;
    for (const [name, { kept }] of this.#kept) {
      if (!functions.has(kept.function)) this.#drop(name, changes);
    }
    return changes;
  }

  /** Its caller is being told, and who joined him. */
  told(request_id: string, failure: Refusal | null): void {
    const open = this.#open.get(request_id);
    if (!open) return;
    this.#open.delete(request_id);
    this.#ids.delete(nameOf(open.function, open.key));
    if (open.end) open.joined.resolve(open.end);
    else open.joined.reject(errorOf(failure ?? REFUSALS.cancelled()));
  }

  /** The agent ends: what runs is told by the next one. */
  close(failure: Refusal): void {
    for (const { joined } of this.#open.values()) joined.reject(errorOf(failure));
    this.#open.clear();
    this.#ids.clear();
  }

  get size(): { readonly count: number; readonly bytes: number } {
    return { count: this.#kept.size, bytes: this.#bytes };
  }

  /** What no instance took is not kept: asked again it is tried again. */
  #ended(request_id: string, reply: InvokeReply, changes: RowChange[]): void {
    const open = this.#open.get(request_id);
    if (!open) return;
    const answer = this.#parts.answerOf(request_id);
    const end = { ...invocationRecord(open.function, reply), failure: reply.failure };
    open.end = { ...end, answer };
    if (reply.assigned_at_ms === null) return;
    const bytes = answer && Buffer.from(answer.bytes).toString('base64');
    const kept: Kept = {
      function: open.function,
      key: open.key,
      at_ms: this.#parts.clock.nowMs(),
      end,
      answer: answer && { ...answer, bytes: bytes ?? '' },
    };
    const [name, row] = [nameOf(open.function, open.key), JSON.stringify(kept)];
    this.#drop(name, changes);
    changes.push({ table: 'answers', key: name, row });
    this.#keep(name, kept, row.length);
    this.#trim(changes);
  }

  #keep(name: string, kept: Kept, bytes: number): void {
    this.#kept.set(name, { kept, bytes });
    this.#bytes += bytes;
  }

  #trim(changes: RowChange[]): void {
    for (const [name, { kept }] of this.#kept) {
      const { count, bytes } = this.#bounds;
      const over = this.#kept.size > count || this.#bytes > bytes;
      if (!over && !this.#isOld(kept)) return;
      this.#drop(name, changes);
    }
  }

  #drop(name: string, changes: RowChange[]): void {
    const found = this.#kept.get(name);
    if (!found) return;
    this.#kept.delete(name);
    this.#bytes -= found.bytes;
    changes.push({ table: 'answers', key: name, row: null });
  }

  #isOld({ at_ms }: Kept): boolean {
    return this.#parts.clock.nowMs() - at_ms > this.#bounds.kept_ms;
  }

  #fresh(name: string): Kept | null {
    const kept = this.#kept.get(name)?.kept;
    return kept && !this.#isOld(kept) ? kept : null;
  }
}

/** Names of functions have no slash. */
function nameOf(function_name: string, { key }: CallKey): string {
  return `${function_name}/${key}`;
}

function endOf({ end, answer }: Kept): InvocationEnd {
  return { ...end, answer: answer && { ...answer, bytes: Buffer.from(answer.bytes, 'base64') } };
}

/** The key with what was asked under it; null: the caller gave none. Pure. */
export function keyOf({
  idempotency_key = null,
  payload,
  content_type,
  http,
}: Call): CallKey | null {
  if (idempotency_key === null) return null;
  const asked = createHash('sha256')
    .update(JSON.stringify([content_type, http]))
    .update(payload);
  return { key: idempotency_key, digest: asked.digest('base64url') };
}
