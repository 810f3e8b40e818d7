/** The files of a ledger: one a segment, numbered from 1, a record a line. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HotplaneError } from '../base/errors.ts';
import { errnoOf } from '../base/system-error.ts';
import { ledgerError } from './errors.ts';

const NAME = /^(\d{6,})\.jsonl$/;

export interface SegmentFile {
  readonly number: number;
  readonly path: string;
  readonly bytes: number;
}

export const segmentPath = (folder: string, number: number): string =>
  join(folder, `${String(number).padStart(6, '0')}.jsonl`);

/** The oldest first; none where there is no folder. Throws HP_LEDGER_UNREADABLE. */
export function segmentsIn(folder: string): SegmentFile[] {
  const found: SegmentFile[] = [];
  for (const name of names(folder)) {
    const number = Number(NAME.exec(name)?.[1] ?? Number.NaN);
    const path = join(folder, name);
    if (number > 0) found.push({ number, path, bytes: bytesOf(path) });
  }
  return found.toSorted((a, b) => a.number - b.number);
}

/** Throws HP_LEDGER_MISSING when there is none. */
export function existingSegments(folder: string): SegmentFile[] {
  const found = segmentsIn(folder);
  if (found.length > 0) return found;
  throw ledgerError('HP_LEDGER_MISSING', `${folder} has no segment of a ledger (000001.jsonl).`, {
    details: { folder },
  });
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw unreadable(folder, error);
  }
}

function bytesOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** HP_LEDGER_UNREADABLE. */
export function unreadable(path: string, cause: unknown): HotplaneError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return ledgerError('HP_LEDGER_UNREADABLE', `${path} cannot be read: ${why}.`, {
    cause,
    details: { path },
  });
}
