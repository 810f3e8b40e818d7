/**
 * When a call ends early: at its deadline, or by its caller. One timer that is called off, instead
 * of a signal that waits out its time after every call and another composed of two.
 */
import { timerMs } from '../../base/clock.ts';

export class CallDeadline {
  /** Aborts at the deadline alone, with a TimeoutError. */
  readonly timeout: AbortSignal;
  /** Aborts at the deadline or with the caller's signal, with the reason of the first. */
  readonly signal: AbortSignal;
  /** To be called when the call is over: nothing of it stays behind. */
  readonly end: () => void;

  constructor(deadline_ms: number, caller?: AbortSignal) {
    const late = new AbortController();
    const either = caller ? new AbortController() : late;
    const timer = setTimeout(() => {
      late.abort(new DOMException('The deadline of the call passed.', 'TimeoutError'));
      either.abort(late.signal.reason);
    }, timerMs(deadline_ms));
    const forward = (): void => either.abort(caller?.reason);
    caller?.addEventListener('abort', forward, { once: true });
    if (caller?.aborted) forward();
    this.timeout = late.signal;
    this.signal = either.signal;
    this.end = () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', forward);
    };
  }
}
