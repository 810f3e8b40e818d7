/** A table as CSV, written as its rows come: what is null is empty. */
import { closeSync, openSync } from 'node:fs';
import { csvField } from '../../base/csv.ts';
import { writeAllSync } from '../../base/files.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsExist, resultsUnwritable } from './errors.ts';

/** Of a file at once. */
const BUFFERED_CHARS = 64 * 1024;

export class CsvFile {
  readonly path: string;
  rows = 0;
  readonly #columns: readonly string[];
  readonly #fd: number;
  #text: string;

  /** Throws `HP_RESULTS_EXIST`, `HP_RESULTS_UNWRITABLE`. */
  constructor(path: string, fields: object) {
    this.path = path;
    this.#columns = Object.keys(fields);
    this.#text = `${this.#columns.join(',')}\n`;
    try {
      this.#fd = openSync(path, 'wx');
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? resultsExist(path) : resultsUnwritable(path, error);
    }
  }

  add(line: object): void {
    const values = new Map<string, unknown>(Object.entries(line));
    this.#text += `${this.#columns.map((name) => csvField(values.get(name))).join(',')}\n`;
    this.rows += 1;
    if (this.#text.length >= BUFFERED_CHARS) this.#write();
  }

  close(): void {
    try {
      this.#write();
    } finally {
      closeSync(this.#fd);
    }
  }

  #write(): void {
    try {
      writeAllSync(this.#fd, this.#text);
    } catch (error) {
      throw resultsUnwritable(this.path, error);
    }
    this.#text = '';
  }
}
