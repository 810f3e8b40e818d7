/**
 * Standard output and standard error as they come: closed readers, full disks, slow pipes, hung-up
 * terminals. A write never throws, never blocks on a reader and never ends the process; what could
 * not be written is counted, so that the end of the command can tell of it.
 */
import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Clock } from './clock.ts';
import { LIMITS } from './limits.ts';
import { errnoOf } from './system-error.ts';
import { waitFor } from './wait.ts';

/** Where text goes when the descriptor is not a plain file: a pipe, a socket, a terminal. */
export interface PendingStream {
  readonly writableLength: number;
  readonly columns?: number;
  write(text: string | Uint8Array): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface OutputOptions {
  readonly fd: number;
  /** Opened only when the descriptor is no plain file. */
  readonly stream: () => PendingStream;
  /** More than this waiting for the reader and text is dropped. Default: no bound. */
  readonly backlog_bytes_max?: number;
  /**
   * What to write first when text gets through again after `lines` of it were lost, `lost` last.
   */
  readonly lostNotice?: (lines: number, lost: string) => string;
}

/** One descriptor that text is written to. */
export class Output {
  readonly isTTY: boolean;
  readonly #fd: number;
  readonly #stream: PendingStream | null;
  readonly #backlog_bytes_max: number;
  #error: Error | null = null;
  #dropped = 0;
  /** Lines lost since the last one that got through. */
  #lost_lines = 0;
  #last_lost = '';
  readonly #lostNotice: OutputOptions['lostNotice'];

  constructor(options: OutputOptions) {
    this.#fd = options.fd;
    this.isTTY = isatty(options.fd);
    this.#backlog_bytes_max = options.backlog_bytes_max ?? Number.POSITIVE_INFINITY;
    this.#stream = isPlain(options.fd) ? null : options.stream();
    this.#stream?.on('error', (error) => this.#fail(error));
    this.#lostNotice = options.lostNotice;
  }

  /** Width of the terminal, where it is one. */
  get columns(): number {
    return this.#stream?.columns ?? 80;
  }

  /** The first error other than a reader that went away (EPIPE): what was written is lost. */
  get error(): Error | null {
    return this.is_gone ? null : this.#error;
  }

  /** Whether nobody reads any more. */
  get is_gone(): boolean {
    return errnoOf(this.#error) === 'EPIPE';
  }

  /** Writes that did not arrive. */
  get dropped(): number {
    return this.#dropped;
  }

  write(text: string): void {
    const lost = this.#lost_lines;
    const notice = lost > 0 ? (this.#lostNotice?.(lost, this.#last_lost) ?? '') : '';
    const lines = text === '' ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    const is_through = this.#put(notice + text);
    this.#lost_lines = is_through ? 0 : lost + lines;
    if (!is_through && text !== '') this.#last_lost = text;
  }

  /** Bytes as they are: the answer of a function need not be text. */
  writeBytes(bytes: Uint8Array): void {
    this.#put(bytes);
  }

  /** Says at the end what was lost, if anything was and there is room by now. */
  tellLost(): void {
    if (this.#lost_lines > 0) this.write('');
  }

  /** Whether the text went where it was to go, or waits for its reader. */
  #put(text: string | Uint8Array): boolean {
    if (this.#stream === null) return this.#writeFile(text);
    if (this.#error || this.#stream.writableLength > this.#backlog_bytes_max) {
      this.#dropped += 1;
      return false;
    }
    this.#stream.write(text);
    return true;
  }

  /** Waits for a slow reader, `deadline_ms` at most or for ever, or until `signal` aborts. */
  async flush(clock: Clock, deadline_ms: number, signal?: AbortSignal): Promise<void> {
    const stream = this.#stream;
    if (stream === null) return;
    const done = () =>
      this.#error || signal?.aborted || stream.writableLength === 0 ? true : null;
    await waitFor(done, { clock, deadline_ms, longest_pause_ms: 20 });
  }

  /**
   * A plain file takes all of it at once or says why not; a full disk may have room again later.
   */
  #writeFile(text: string | Uint8Array): boolean {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
      return true;
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#dropped += 1;
  }
}

/** Regular files and devices that are no terminal are written at once; Node does so as well. */
function isPlain(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFile() || (stat.isCharacterDevice() && !isatty(fd));
  } catch {
    return true;
  }
}

export interface Outputs {
  readonly stdout: Output;
  readonly stderr: Output;
}

/** In the form of what was lost: a log of JSON lines stays one. Level 40 is pino's `warn`. Pure. */
export function lostNotice(lines: number, lost: string): string {
  const msg = `${lines} lines of the log were lost`;
  if (!lost.startsWith('{')) return `hotplane: ${msg}.\n`;
  return `${JSON.stringify({ level: 40, lost_lines: lines, msg })}\n`;
}

/** Those of this process. Call it once. */
export function processOutputs(): Outputs {
  return {
    stdout: new Output({ fd: 1, stream: () => process.stdout }),
    stderr: new Output({
      fd: 2,
      stream: () => process.stderr,
      backlog_bytes_max: LIMITS.stderr_backlog_bytes,
      lostNotice,
    }),
  };
}
