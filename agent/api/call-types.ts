/** What callers of the client give, and what a call came to. */
import type { HotplaneError } from '../../base/errors.ts';
import type { DagInvocation } from '../model/dag-messages.ts';
import type { InvokeRequest } from '../model/messages.ts';
import type { Invocation, RecordKind } from '../model/records.ts';
import type { FunctionAnswer } from '../model/work.ts';

export interface AgentCallOptions {
  /** How long the whole call may take; each method has a default that fits what it does. */
  readonly deadline_ms?: number;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  /** Longest time between two memory records of a VM; absent: the agent's usual. */
  readonly memory_interval_ms?: number;
  /** Which kinds of records; absent: all of them. */
  readonly records?: readonly RecordKind[];
  /** Ends the stream without an error. */
  readonly signal?: AbortSignal;
}

/** Which rows of a list; what is absent chooses nothing. */
export interface ListFilter {
  readonly function?: string;
  readonly vm_id?: string;
  readonly state?: string;
  /** Most rows of one answer; absent: as many as the agent gives. */
  readonly page_size?: number;
}

export interface EndedFilter extends Pick<ListFilter, 'function' | 'vm_id'> {
  readonly after?: number;
  /** Goes on with those that end from now on. */
  readonly follow?: boolean;
}

/** Without a key where the caller will not ask again. */
export type Invoke = Omit<InvokeRequest, 'idempotency_key'> &
  Partial<Pick<InvokeRequest, 'idempotency_key'>>;

export interface Invoked extends Invocation {
  /** Why it was not done, with what to do next; absent when it was. */
  readonly failure?: HotplaneError;
  /** The function's own, also where it says that it failed; null: it gave none. */
  readonly answer: FunctionAnswer | null;
}

export interface DagInvoked extends DagInvocation {
  /** Why it was not done, with what to do next; absent when it was. */
  readonly failure?: HotplaneError;
  /** Of its last stages; null: it failed. */
  readonly answer: { readonly bytes: Uint8Array; readonly content_type: string } | null;
}
