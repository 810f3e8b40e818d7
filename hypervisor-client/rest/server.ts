/** What differs from one server of a REST API on a Unix socket to another. */
import { type HotplaneError, isHotplaneError } from '../../base/errors.ts';

export type RestMethod = 'GET' | 'PUT' | 'PATCH';

/** What went wrong on the way to a server or back. */
export type RestTrouble =
  | 'connect'
  | 'timeout'
  | 'closed'
  | 'aborted'
  | 'protocol'
  | 'busy'
  | 'disposed'
  | 'bad-argument';

/** What is known of a request that failed. */
export type SentState = 'no' | 'maybe' | 'yes';

/** An answer with a status of 300 or more. */
export interface ErrorAnswer {
  readonly method: RestMethod;
  readonly route: string;
  readonly status: number;
  readonly body: string;
  /** The body was longer than what was kept of it. */
  readonly truncated: boolean;
}

interface TroubleFacts {
  readonly cause?: unknown;
  /** Replaces the usual next step. */
  readonly next?: string;
  /** Holds `sent`, a SentState. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface RestServer {
  /** Before every route, e.g. `/api/v1/`. */
  readonly prefix: string;
  /** A GET that changes nothing: once it is answered, so is whatever was sent before it. */
  readonly probe_route: string;
  /** Statuses after which the server ends the connection, said or not. */
  readonly closing_statuses: readonly number[];
  readonly limits: {
    /** Calls that wait for the one in flight. */
    readonly calls_queued: number;
    readonly request_bytes: number;
    readonly answer_bytes: number;
    /** Kept of an error answer. */
    readonly error_body_bytes: number;
    /** An idle connection is closed after this. */
    readonly keep_alive_ms: number;
  };
  /** The coded error of a trouble; `message` is one sentence. */
  troubleError(trouble: RestTrouble, message: string, facts: TroubleFacts): HotplaneError;
  /** The coded error of an answer; its `details` hold `status` and `sent`. */
  answerError(answer: ErrorAnswer): HotplaneError;
}

/** What is known of the request behind this error; `maybe` for anything that does not say. */
export function sentState(error: unknown): SentState {
  const sent = isHotplaneError(error) ? error.details['sent'] : undefined;
  return sent === 'no' || sent === 'yes' ? sent : 'maybe';
}
