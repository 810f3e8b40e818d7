/**
 * Reading what others may have put there. A pipe opened for reading waits for a writer that may
 * never come, in a thread that no signal reaches: whatever is no file is refused without waiting.
 */
import { Buffer } from 'node:buffer';
import { closeSync, constants, fstatSync, openSync, read, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { assert } from './assert.ts';
import { baseError } from './codes.ts';

const readInto = promisify(read);

/** O_NONBLOCK: opening does not wait; it changes nothing for files (open(2)). */
const READ_FLAGS = constants.O_RDONLY + constants.O_NONBLOCK + constants.O_NOCTTY;
const APPEND_FLAGS =
  constants.O_WRONLY + constants.O_APPEND + constants.O_CREAT + constants.O_NONBLOCK;

/** Opens a file for reading. Throws HP_FILE_NOT_PLAIN, or the system's error. */
export async function openPlainFile(path: string): Promise<FileHandle> {
  return await needPlain(path, await open(path, READ_FLAGS));
}

/** Opens a file, made with `mode` when it is missing, for appending. Throws the same. */
export async function appendPlainFile(path: string, mode: number): Promise<FileHandle> {
  return await needPlain(path, await open(path, APPEND_FLAGS, mode));
}

async function needPlain(path: string, file: FileHandle): Promise<FileHandle> {
  try {
    needPlainFile(path, await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The whole text of a file. Throws as {@link openPlainFile}. */
export async function readPlainFile(
  path: string,
  encoding: BufferEncoding = 'utf8',
): Promise<string> {
  await using file = await openPlainFile(path);
  return await file.readFile(encoding);
}

/** The same, for callers that must not yield. */
export function readPlainFileSync(path: string): string {
  const fd = openSync(path, READ_FLAGS);
  try {
    needPlainFile(path, fstatSync(fd));
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

export interface StreamOptions {
  /** Bytes of one read; the buffer they are read into is used again for the next. */
  readonly buffer_bytes: number;
  /** Ends the stream with an error, also while a pipe says nothing. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a file or a pipe (`<(zcat trace.gz)`), which is waited for without a thread. A chunk
 * is written over when the next one is asked for. Throws HP_FILE_NOT_PLAIN for everything else, or
 * the system's error.
 */
export async function* streamInput(
  path: string,
  { buffer_bytes, signal }: StreamOptions,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const fd = openSync(path, READ_FLAGS);
  let is_ours = true;
  try {
    const facts = fstatSync(fd);
    if (facts.isFIFO()) {
      is_ours = false;
      yield* pipeStream(fd, signal);
      return;
    }
    needPlainFile(path, facts);
    const buffer = Buffer.allocUnsafeSlow(buffer_bytes);
    for (;;) {
      const { bytesRead } = await readInto(fd, buffer, 0, buffer_bytes, null);
      signal?.throwIfAborted();
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    if (is_ours) closeSync(fd);
  }
}

/**
 * The socket closes `fd`. A worker thread does so once more when it ends, for it was opened there:
 * by then the number may be that of somebody else's file.
 */
function pipeStream(fd: number, signal: AbortSignal | undefined): Readable {
  assert(isMainThread, 'a pipe is read in the main thread');
  const pipe = new Socket({ fd, readable: true, writable: false });
  const onAbort = (): void => void pipe.destroy(new Error('interrupted'));
  signal?.addEventListener('abort', onAbort, { once: true });
  return pipe.once('close', () => signal?.removeEventListener('abort', onAbort));
}

/** Throws HP_FILE_NOT_PLAIN for a folder, a pipe, a device or a socket. */
export function needPlainFile(path: string, facts: Stats): void {
  if (facts.isFile()) return;
  throw baseError('HP_FILE_NOT_PLAIN', `${path} is ${kindOf(facts)}, not a file.`, {
    details: { path },
  });
}

function kindOf(facts: Stats): string {
  if (facts.isDirectory()) return 'a folder';
  if (facts.isFIFO()) return 'a pipe';
  if (facts.isSocket()) return 'a socket';
  return 'a device';
}
