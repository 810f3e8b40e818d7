/** The event monitor as an async iterator, from a growing file, a pipe or any byte stream. */
import { watch } from 'node:fs';
import { type FileHandle } from 'node:fs/promises';
import { openPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { type ChEvent, EventParser } from './event-parser.ts';

export interface EventMonitorOptions {
  readonly signal?: AbortSignal;
}

/**
 * Events of one server. Give it the file named with `--event-monitor path=FILE`, which it follows
 * as `tail -f` does, or a byte stream (the read end of a pipe), which it reads to its end.
 */
export class EventMonitor implements AsyncIterable<ChEvent> {
  readonly #source: string | AsyncIterable<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  readonly #parser = new EventParser();

  constructor(source: string | AsyncIterable<Uint8Array>, options: EventMonitorOptions = {}) {
    this.#source = source;
    this.#signal = options.signal;
  }

  /** Records lost so far: cut, too long, or not events. */
  get lost(): number {
    return this.#parser.lost;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChEvent, void, undefined> {
    const chunks =
      typeof this.#source === 'string' ? followFile(this.#source, this.#signal) : this.#source;
    for await (const chunk of chunks) {
      if (this.#signal?.aborted) return;
      yield* this.#parser.push(chunk);
      if (this.#signal?.aborted) return;
    }
    yield* this.#parser.end();
  }
}

/** All events that a monitor file holds now. No file yet is no events. */
export async function readEventFile(path: string): Promise<readonly ChEvent[]> {
  let file: FileHandle;
  try {
    file = await openPlainFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
  const parser = new EventParser();
  const events: ChEvent[] = [];
  try {
    for await (const chunk of readOn(file, 0)) events.push(...parser.push(chunk));
  } finally {
    await file.close();
  }
  return events;
}

const CHUNK_BYTES = 64 * 1024;

async function* readOn(file: FileHandle, from: number): AsyncGenerator<Uint8Array> {
  for (let position = from; ; ) {
    const { bytesRead, buffer } = await file.read(
      Buffer.alloc(CHUNK_BYTES),
      0,
      CHUNK_BYTES,
      position,
    );
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** What is in the file, then what is appended to it, until `signal` aborts. */
async function* followFile(
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const file = await openPlainFile(path);
  let wake = Promise.withResolvers<void>();
  const changed = (): void => wake.resolve();
  const watcher = watch(path, changed);
  watcher.on('error', changed);
  signal?.addEventListener('abort', changed, { once: true });
  try {
    for (let position = 0; ; ) {
      wake = Promise.withResolvers<void>();
      for await (const chunk of readOn(file, position)) {
        position += chunk.length;
        yield chunk;
      }
      if (signal?.aborted) return;
      await wake.promise;
    }
  } finally {
    signal?.removeEventListener('abort', changed);
    watcher.close();
    await file.close();
  }
}
