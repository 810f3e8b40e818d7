/**
 * Writes a result folder as the run goes: every line is in the file (not in our memory) when the
 * call returns, so a crash keeps what was written. The manifest is replaced as a whole. A reserve
 * is held of the disk: where that is full, the manifest can still say so.
 */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, rmSync } from 'node:fs';
import { writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { writeWholeSync } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolderSync } from '../../base/make-folder.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsExist, resultsUnreadable, resultsUnwritable } from './errors.ts';
import { RESULT_LIMITS } from './limits.ts';
import { decisionSchema, eventSchema, invocationSchema, loadSchema } from './schema.ts';
import { memorySchema, operationSchema } from './schema.ts';
import type { DecisionLine, EventLine, InvocationLine, LoadLine, Manifest } from './schema.ts';
import type { MemoryLine, OperationLine } from './schema.ts';

export const RESULT_FILES = {
  manifest: 'manifest.json',
  operations: 'operations.jsonl',
  invocations: 'invocations.jsonl',
  memory: 'memory.jsonl',
  load: 'load.jsonl',
  decisions: 'decisions.jsonl',
  events: 'events.jsonl',
  summary: 'summary.json',
  report: 'report.html',
} as const;

/** As write(2) has it: how many bytes were taken, which may be fewer. */
export type WriteBytes = (fd: number, bytes: Uint8Array) => number;

const RESERVE = '.reserve';

export class ResultWriter {
  readonly folder: string;
  readonly #write: WriteBytes;
  readonly #files: LineFile[] = [];
  readonly #operations: LineFile;
  readonly #invocations: LineFile;
  readonly #memory: LineFile;
  readonly #load: LineFile;
  readonly #decisions: LineFile;
  readonly #events: LineFile;

  /**
   * Makes the folder. Throws `HP_RESULTS_EXIST` when it already holds a run, and
   * `HP_RESULTS_UNWRITABLE`, with no file left behind.
   */
  constructor(folder: string, write: WriteBytes = writeSync) {
    this.folder = folder;
    this.#write = write;
    if (existsSync(join(folder, RESULT_FILES.manifest))) throw resultsExist(folder);
    try {
      makeFolderSync(folder);
    } catch (error) {
      throw resultsUnwritable(folder, error);
    }
    try {
      this.#operations = this.#open(RESULT_FILES.operations);
      this.#invocations = this.#open(RESULT_FILES.invocations);
      this.#memory = this.#open(RESULT_FILES.memory);
      this.#load = this.#open(RESULT_FILES.load);
      this.#decisions = this.#open(RESULT_FILES.decisions);
      this.#events = this.#open(RESULT_FILES.events);
      this.#makeReserve();
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  #open(name: string): LineFile {
    const file = new LineFile(join(this.folder, name), this.#write);
    this.#files.push(file);
    return file;
  }

  #makeReserve(): void {
    const path = join(this.folder, RESERVE);
    try {
      writeFileSync(path, Buffer.alloc(RESULT_LIMITS.reserve_bytes), { flush: true });
    } catch (error) {
      throw resultsUnwritable(path, error);
    }
  }

  #dropReserve(): void {
    rmSync(join(this.folder, RESERVE), { force: true });
  }

  operation(line: OperationLine): void {
    this.#operations.append(operationSchema, line);
  }

  invocation(line: InvocationLine): void {
    this.#invocations.append(invocationSchema, line);
  }

  memory(line: MemoryLine): void {
    this.#memory.append(memorySchema, line);
  }

  load(line: LoadLine): void {
    this.#load.append(loadSchema, line);
  }

  decision(line: DecisionLine): void {
    this.#decisions.append(decisionSchema, line);
  }

  event(line: EventLine): void {
    this.#events.append(eventSchema, line);
  }

  /** On a full disk it goes where the reserve was. */
  manifest(manifest: Manifest): void {
    const path = join(this.folder, RESULT_FILES.manifest);
    const text = jsonDocument(manifest);
    try {
      replaceFile(path, text);
    } catch {
      this.#dropReserve();
      replaceFile(path, text);
    }
  }

  /** Everything is on disk afterwards, or the first trouble is thrown. May be called twice. */
  close(): void {
    this.#dropReserve();
    const troubles: unknown[] = [];
    for (const file of this.#files) {
      try {
        file.close();
      } catch (error) {
        troubles.push(error);
      }
    }
    if (troubles.length > 0) throw troubles[0];
  }

  /** Removes what it wrote, of a run that came to nothing. */
  discard(): void {
    this.#dropReserve();
    for (const file of this.#files) file.discard();
    rmSync(join(this.folder, RESULT_FILES.manifest), { force: true });
  }
}

/** Writes beside the file and renames, so that readers see the old or the new one, never half. */
export function replaceFile(path: string, text: string): void {
  try {
    writeWholeSync(path, text);
  } catch (error) {
    throw resultsUnwritable(path, error);
  }
}

/** A file of a folder, which holds whole lines alone. */
export class LineFile {
  readonly #path: string;
  readonly #write: WriteBytes;
  #fd: number | null;
  /** Of whole lines. */
  #bytes = 0;

  constructor(path: string, write: WriteBytes = writeSync) {
    this.#path = path;
    this.#write = write;
    try {
      // Appending, so that what is cut off at the end leaves no gap.
      this.#fd = openSync(path, 'ax');
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? resultsExist(path) : resultsUnwritable(path, error);
    }
  }

  /** By the schema of the reader: a line it would not take is an error now, not after the run. */
  append(schema: z.ZodType, line: object): void {
    if (this.#fd === null) return;
    const checked = schema.safeParse(line);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      throw resultsUnreadable(this.#path, issue?.path.join('.') ?? 'line', issue?.message ?? '');
    }
    this.#put(this.#fd, Buffer.from(`${JSON.stringify(line)}\n`));
  }

  /** Whole, or not at all: a disk that fills up takes a part of a line before it says so. */
  #put(fd: number, bytes: Uint8Array): void {
    try {
      for (let at = 0; at < bytes.length; ) at += this.#write(fd, bytes.subarray(at));
      this.#bytes += bytes.length;
    } catch (error) {
      ftruncateSync(fd, this.#bytes);
      throw resultsUnwritable(this.#path, error);
    }
  }

  discard(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
    rmSync(this.#path, { force: true });
  }

  close(): void {
    if (this.#fd === null) return;
    const fd = this.#fd;
    this.#fd = null;
    try {
      fsyncSync(fd);
    } catch (error) {
      throw resultsUnwritable(this.#path, error);
    } finally {
      closeSync(fd);
    }
  }
}
