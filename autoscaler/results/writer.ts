/**
 * Writes a result folder as the run goes: every line is in the file (not in our memory) when the
 * call returns, so a crash keeps what was written. The manifest is replaced as a whole.
 */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { writeWholeSync } from '../../base/files.ts';
import { jsonDocument } from '../../base/json.ts';
import { makeFolderSync } from '../../base/make-folder.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsExist, resultsUnreadable, resultsUnwritable } from './errors.ts';
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

export class ResultWriter {
  readonly folder: string;
  readonly #operations: LineFile;
  readonly #invocations: LineFile;
  readonly #memory: LineFile;
  readonly #load: LineFile;
  readonly #decisions: LineFile;
  readonly #events: LineFile;

  /** Makes the folder. Throws `HP_RESULTS_EXIST` when it already holds a run. */
  constructor(folder: string) {
    this.folder = folder;
    if (existsSync(join(folder, RESULT_FILES.manifest))) throw resultsExist(folder);
    try {
      makeFolderSync(folder);
    } catch (error) {
      throw resultsUnwritable(folder, error);
    }
    this.#operations = new LineFile(join(folder, RESULT_FILES.operations));
    this.#invocations = new LineFile(join(folder, RESULT_FILES.invocations));
    this.#memory = new LineFile(join(folder, RESULT_FILES.memory));
    this.#load = new LineFile(join(folder, RESULT_FILES.load));
    this.#decisions = new LineFile(join(folder, RESULT_FILES.decisions));
    this.#events = new LineFile(join(folder, RESULT_FILES.events));
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

  manifest(manifest: Manifest): void {
    replaceFile(join(this.folder, RESULT_FILES.manifest), jsonDocument(manifest));
  }

  /** Everything is on disk afterwards. May be called twice. */
  close(): void {
    const lines = [this.#operations, this.#invocations, this.#memory, this.#load];
    for (const file of [...lines, this.#decisions, this.#events]) file.close();
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

class LineFile {
  readonly #path: string;
  #fd: number | null;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#fd = openSync(path, 'wx');
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
    try {
      writeSync(this.#fd, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw resultsUnwritable(this.#path, error);
    }
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
