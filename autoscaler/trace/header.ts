/** Columns found by their names: pieces of a trace have more of them, or another order. */
import { numberOf } from './decimal.ts';
import { traceHeader, traceRow } from './errors.ts';
import type { ByteScanner } from './scanner.ts';

export class Columns {
  readonly path: string;
  readonly #index: ReadonlyMap<string, number>;
  readonly count: number;

  /** Throws `HP_TRACE_HEADER` when one that is wanted is not there, or a name is there twice. */
  constructor(row: ByteScanner, path: string, wanted: readonly string[]) {
    const names = row.whole.split(',').map((name) => name.trim());
    this.path = path;
    this.#index = new Map(names.map((name, index) => [name, index]));
    this.count = names.length;
    const all = wanted.every((name) => this.#index.has(name));
    if (!all || this.#index.size !== names.length) {
      throw traceHeader(path, wanted.join(','), row.whole);
    }
  }

  /** In the order of the file. */
  get names(): readonly string[] {
    return [...this.#index.keys()];
  }

  has(column: string): boolean {
    return this.#index.has(column);
  }

  indexOf(column: string): number {
    return this.#index.get(column) ?? -1;
  }

  /** Throws `HP_TRACE_ROW` for a row with more or fewer fields than the header. */
  check(row: ByteScanner): void {
    if (row.fields === this.count) return;
    const problem = `has ${row.fields} fields instead of ${this.count}`;
    throw this.bad(row, 'row', row.whole, problem);
  }

  text(row: ByteScanner, column: string): string {
    const value = row.text(this.indexOf(column));
    if (value.startsWith('"')) throw this.bad(row, column, value, 'is quoted; no field is');
    return value;
  }

  /** A name, which is never empty. Throws `HP_TRACE_FIELD`. */
  name(row: ByteScanner, column: string, most_bytes: number): string {
    const value = this.text(row, column);
    if (value.trim() !== '' && value.length <= most_bytes) return value;
    const long = `is longer than ${most_bytes} bytes`;
    throw this.bad(row, column, value, value.trim() === '' ? 'is empty' : long);
  }

  /** A number from 0 to `most`. Throws `HP_TRACE_FIELD`. */
  number(row: ByteScanner, column: string, most: number): number {
    const field = this.indexOf(column);
    const value = numberOf(row.bytes, row.from(field), row.to(field));
    if (value <= most) return value;
    throw this.badNumber(row, column, most);
  }

  /** The same, with a sign or not. */
  signed(row: ByteScanner, column: string, most: number): number {
    const field = this.indexOf(column);
    const from = row.from(field);
    const has_minus = row.bytes[from] === 0x2d && row.to(field) > from + 1;
    if (!has_minus) return this.number(row, column, most);
    const value = numberOf(row.bytes, from + 1, row.to(field));
    if (value <= most) return -value;
    throw this.badNumber(row, column, most);
  }

  badNumber(row: ByteScanner, column: string, most: number): Error {
    const value = row.text(this.indexOf(column));
    const number = value.trim() === '' ? Number.NaN : Number(value);
    const wrong = Number.isNaN(number) ? 'is not a number' : `is more than ${most}`;
    return this.bad(row, column, value, number < 0 ? 'is negative' : wrong);
  }

  bad(row: ByteScanner, column: string, value: string, problem: string): Error {
    return traceRow({ path: this.path, line: row.line, column, value, problem });
  }
}
