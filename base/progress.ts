/**
 * Progress of long work: step k of n, what is running, and for how long. One line that is rewritten
 * on a terminal, a plain line now and then elsewhere (logs, CI).
 */
import { type Clock, hostClock } from './clock.ts';
import { formatMs } from './units.ts';

export interface Progress {
  /** A step begins; `index` counts from 1. */
  step(index: number, total: number, label: string): void;
  /** What the current step is doing right now. Cheap: call it as often as you like. */
  update(detail: string): void;
  /** Ends the status line and leaves `message` as a line of its own. */
  done(message: string): void;
}

/** Where progress is shown: stderr, or what stands for it. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  /** Absent: what is no text is written as if it were. */
  writeBytes?(bytes: Uint8Array): void;
}

export interface ProgressOptions {
  readonly stream: ProgressStream;
  readonly clock?: Clock;
  /** Rewrites one line when true. Default: whether the stream is a terminal. */
  readonly tty?: boolean;
  /** Without a terminal: at most one line in this time. */
  readonly plain_interval_ms?: number;
}

const TTY_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 10_000;

/** For callers that want silence. */
export const silentProgress: Progress = {
  step: () => {},
  update: () => {},
  done: () => {},
};

/** Puts `text` in the place of the line a terminal shows, cut to its width. */
export function rewriteLine(stream: ProgressStream, text: string): void {
  stream.write(`\r\u001b[K${text.slice(0, (stream.columns ?? 80) - 1)}`);
}

export function createProgress(options: ProgressOptions): Progress {
  const clock = options.clock ?? hostClock;
  const tty = options.tty ?? options.stream.isTTY === true;
  const interval_ms = tty ? TTY_INTERVAL_MS : (options.plain_interval_ms ?? PLAIN_INTERVAL_MS);
  let prefix = '';
  let detail = '';
  let started_ms = clock.nowMs();
  let shown_ms = Number.NEGATIVE_INFINITY;

  const show = (now_ms: number): void => {
    shown_ms = now_ms;
    // Of a step that begins no time is told: it would be nothing.
    const since = now_ms > started_ms ? ` (${formatMs(now_ms - started_ms)})` : '';
    const text = `${prefix}${since}${detail ? `: ${detail}` : ''}`;
    if (!tty) options.stream.write(`${text}\n`);
    else rewriteLine(options.stream, text);
  };

  return {
    step: (index, total, label) => {
      prefix = `[${index}/${total}] ${label}`;
      detail = '';
      started_ms = clock.nowMs();
      show(started_ms);
    },
    update: (text) => {
      detail = text;
      const now_ms = clock.nowMs();
      if (now_ms - shown_ms >= interval_ms) show(now_ms);
    },
    done: (message) => {
      options.stream.write(tty ? `\r\u001b[K${message}\n` : `${message}\n`);
    },
  };
}
