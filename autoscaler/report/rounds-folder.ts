/**
 * A folder of rounds: `round-1`, `round-2`, ... are runs of their own, and from these alone
 * `rounds.json` and `rounds.csv` are made, the same bytes whenever it is done.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jsonDocument } from '../../base/json.ts';
import { errnoOf } from '../../base/system-error.ts';
import { resultsMissing } from '../results/errors.ts';
import { readManifest } from '../results/reader.ts';
import { replaceFile, RESULT_FILES } from '../results/writer.ts';
import { rebuildReport } from './rebuild.ts';
import { type Round, type RoundsSummary, summarizeRounds } from './rounds.ts';
import { roundsCsv } from './rounds-text.ts';

export const ROUNDS_FILES = { summary: 'rounds.json', table: 'rounds.csv' } as const;

export function roundFolder(folder: string, round: number): string {
  return join(folder, `round-${round}`);
}

/** Rounds that have a manifest, in order; none where the folder is no folder of rounds. */
export function roundsIn(folder: string): number[] {
  return namesOf(folder)
    .flatMap((name) => /^round-([1-9]\d{0,5})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((round) => existsSync(join(roundFolder(folder, round), RESULT_FILES.manifest)))
    .toSorted((a, b) => a - b);
}

/** Whether it is a folder of `replay --rounds`, which is no run itself. */
export function isOfRounds(folder: string): boolean {
  return !existsSync(join(folder, RESULT_FILES.manifest)) && roundsIn(folder).length > 0;
}

/** Reads every round again. Throws `HP_RESULTS_*`, `HP_REPORT_INTERRUPTED`. */
export async function rebuildRounds(folder: string, signal?: AbortSignal): Promise<RoundsSummary> {
  const rounds: Round[] = [];
  for (const round of roundsIn(folder)) {
    const own = roundFolder(folder, round);
    const { started_at } = await readManifest(own);
    rounds.push({ round, started_at, summary: await rebuildReport(own, null, signal) });
  }
  const summary = summarizeRounds(rounds);
  replaceFile(join(folder, ROUNDS_FILES.table), roundsCsv(rounds));
  replaceFile(join(folder, ROUNDS_FILES.summary), jsonDocument(summary));
  return summary;
}

function namesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw resultsMissing(folder, error);
  }
}
