/** What went wrong on the way to the server or back, as one coded error. */
import { type HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { codeOf } from '../../base/system-error.ts';
import type { RestMethod, RestServer, RestTrouble, SentState } from './server.ts';

export interface CallContext {
  readonly server: RestServer;
  readonly method: RestMethod;
  readonly route: string;
  readonly deadline_ms: number;
  readonly socket_path: string;
  /** The deadline's own signal, to tell it from the caller's. */
  readonly timeout: AbortSignal;
  readonly signal?: AbortSignal;
}

const NOT_CONNECTED = new Set(['ENOENT', 'ECONNREFUSED', 'EACCES', 'ENOTSOCK', 'EAGAIN', 'EPERM']);
const CLOSED = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_INFO', 'ENOTCONN']);
const ABORTED = new Set(['UND_ERR_ABORTED', 'ABORT_ERR']);

/** `sent` is what is known when the reason itself does not tell. */
export function errorOfTransport(
  reason: unknown,
  context: CallContext,
  sent: SentState,
): HotplaneError {
  if (isHotplaneError(reason)) return reason;
  const { server, method, route, deadline_ms, socket_path, timeout, signal } = context;
  const make = (trouble: RestTrouble, what: string, known: SentState): HotplaneError =>
    server.troubleError(trouble, `${method} ${route} on ${socket_path}: ${what}.`, {
      cause: reason,
      details: { method, route, deadline_ms, sent: known },
    });
  const code = codeOf(reason);
  const name = reason instanceof Error ? reason.name : '';
  if (timeout.aborted && reason === timeout.reason) {
    return make('timeout', `no whole answer within ${deadline_ms} ms`, sent);
  }
  if (code !== null && NOT_CONNECTED.has(code)) {
    return make('connect', `cannot be reached (${code})`, 'no');
  }
  if (
    (signal?.aborted && reason === signal.reason) ||
    name === 'AbortError' ||
    (code !== null && ABORTED.has(code))
  ) {
    return make('aborted', 'aborted by the caller', sent);
  }
  if (code !== null && CLOSED.has(code)) {
    return make('closed', 'the server closed the connection early', sent);
  }
  if (code !== null && (code.startsWith('HPE_') || code.startsWith('UND_ERR_'))) {
    return make('protocol', `not a valid HTTP answer (${code})`, sent);
  }
  if (timeout.aborted) {
    return make('timeout', `no whole answer within ${deadline_ms} ms`, sent);
  }
  if (signal?.aborted) return make('aborted', 'aborted by the caller', sent);
  return make('protocol', 'the exchange broke', sent);
}
