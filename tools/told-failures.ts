/** What failed, gathered for the end of a long output: often nobody sees more of it. */
import { stripVTControlCharacters } from 'node:util';
import { printable } from '../base/printable.ts';

export interface Failure {
  /** Of a test: folder › file › title, as ava says it. */
  readonly name: string;
  /** How the failure begins. */
  readonly lines: readonly string[];
}

const FAILURES_TOLD = 40;
/** The lines of each where there are at most so many failures, and where there are more. */
const FEW = 8;
const LINES_OF_FEW = 8;
const LINES_OF_MANY = 2;
const LINE_CHARS = 160;
/** What is kept of an output that is no TAP: how it begins, and how it ends. */
const LINES_KEPT = 4;

/** The failures among the lines of TAP. */
export class TapFailures {
  readonly #failures: { name: string; lines: string[] }[] = [];
  #is_open = false;

  take(line: string): void {
    const failed = /^not ok\b\s*\d*\s*-?\s*(.*)$/.exec(line);
    if (failed && !/#\s*(skip|todo)\b/i.test(line)) {
      this.#failures.push({ name: failed[1] ?? '', lines: [] });
      this.#is_open = true;
      return;
    }
    const lines = this.#failures.at(-1)?.lines;
    if (!this.#is_open || !lines || /^ {2}---/.test(line)) return;
    if (/^((not )?ok\b| {2}\.\.\.)/.test(line)) this.#is_open = false;
    // What a test logged, and what others write between, begins the line.
    else if (line.startsWith(' ') && line.trim() !== '' && lines.length < LINES_OF_FEW)
      lines.push(line.trimEnd());
  }

  get all(): readonly Failure[] {
    return this.#failures;
  }
}

/** The first and the last lines of an output without end. */
export class OutputEnds {
  readonly #first: string[] = [];
  readonly #last: string[] = [];

  take(line: string): void {
    if (line.trim() === '') return;
    if (this.#first.length < LINES_KEPT) this.#first.push(line);
    else if (this.#last.push(line) > LINES_KEPT) this.#last.shift();
  }

  get lines(): readonly string[] {
    return [...this.#first, ...this.#last];
  }
}

const shown = (text: string): string => printable(stripVTControlCharacters(text), LINE_CHARS);

/** Each failure by its name, with how it begins. Empty where nothing failed. */
export function tellFailures(failures: readonly Failure[]): string {
  if (failures.length === 0) return '';
  const most = failures.length <= FEW ? LINES_OF_FEW : LINES_OF_MANY;
  const told = failures
    .slice(0, FAILURES_TOLD)
    .flatMap(({ name, lines }) => [
      `not ok ${shown(name)}`,
      ...lines.slice(0, most).map((line) => `    ${shown(line.trim())}`),
    ]);
  const left = failures.length - FAILURES_TOLD;
  const more = left > 0 ? [`and ${left} more, above`] : [];
  return ['', `== what failed: ${failures.length}`, ...told, ...more, ''].join('\n');
}
