/**
 * `sweep.json` and `sweep.jsonl`: what a sweep is over, and a line for each of its runs, in the
 * order of the grid. Lines that are there are not made again.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../base/json.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsMalformed } from './errors.ts';
import { type RunFigures, runFiguresSchema } from './simulation.ts';

export const SWEEP_FILES = { about: 'sweep.json', runs: 'sweep.jsonl' } as const;

const lineSchema = z.strictObject({ cell: z.unknown(), figures: runFiguresSchema });

export interface SweepLines {
  readonly runs: readonly RunFigures[];
  /** Of the lines that are whole; what is behind them was cut off by a crash. */
  readonly whole_bytes: number;
}

/** Null: the folder has no lines of a sweep. Throws HP_RESULTS_MALFORMED. */
export async function readSweep(folder: string): Promise<SweepLines | null> {
  const path = join(folder, SWEEP_FILES.runs);
  let text: string;
  try {
    text = await readPlainFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const runs = whole
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      const checked = lineSchema.safeParse(parseJson(line));
      if (checked.success) return checked.data.figures;
      const [issue] = checked.error.issues;
      const problem = `${issue?.path.join('.')}: ${issue?.message}`;
      throw resultsMalformed(path, index + 1, problem);
    });
  return { runs, whole_bytes: Buffer.byteLength(whole) };
}
