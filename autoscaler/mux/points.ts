/**
 * Points for a fit from a table: a line of names, one of them `peak_bytes`, then a line a call.
 * Pure.
 */
import { muxError } from './errors.ts';
import type { MeasuredCall } from './fit.ts';
import { MUX_LIMITS } from './limits.ts';

const PEAK = 'peak_bytes';

/** Throws HP_MUX_POINTS with the line for what is no such table. */
export function readPoints(text: string): MeasuredCall[] {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const [head = '', ...rows] = lines;
  const names = head.split(',').map((name) => name.trim());
  if (!names.includes(PEAK) || names.length < 2) {
    throw bad(1, `a line of names with ${PEAK} and a parameter is wanted, like n,${PEAK}`);
  }
  if (rows.length > MUX_LIMITS.points) throw bad(1, `more than ${MUX_LIMITS.points} points`);
  return rows.map((row, at) => pointOf(names, row, at + 2));
}

function pointOf(names: readonly string[], row: string, line: number): MeasuredCall {
  const cells = row.split(',').map((cell) => cell.trim());
  if (cells.length !== names.length) throw bad(line, `${names.length} values are wanted`);
  const values = cells.map((cell) => (cell === '' ? Number.NaN : Number(cell)));
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1) throw bad(line, `'${cells[wrong]}' is no number`);
  const inputs = Object.fromEntries(names.map((name, at) => [name, values[at] ?? 0]));
  const { [PEAK]: peak_bytes = 0, ...others } = inputs;
  if (!Number.isSafeInteger(peak_bytes) || peak_bytes <= 0) {
    throw bad(line, `${PEAK} is ${peak_bytes}, which is no number of bytes`);
  }
  return { inputs: others, peak_bytes };
}

function bad(line: number, why: string): Error {
  return muxError('HP_MUX_POINTS', `Line ${line} of the points: ${why}.`, { details: { line } });
}
