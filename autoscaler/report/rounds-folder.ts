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

/** Where a round is put that did not end: the next free one. */
export function nextPart(folder: string, round: number): string {
  let number = 1;
  while (existsSync(partFolder(folder, round, number))) number += 1;
  return partFolder(folder, round, number);
}

/** The newest one that has a manifest; null: the round has none. */
export function newestPart(folder: string, round: number): string | null {
  let found: string | null = null;
  for (let number = 1; existsSync(partFolder(folder, round, number)); number += 1) {
    const part = partFolder(folder, round, number);
    if (existsSync(join(part, RESULT_FILES.manifest))) found = part;
  }
  return found;
}

function partFolder(folder: string, round: number, number: number): string {
  return `${roundFolder(folder, round)}-part-${number}`;
}

/** The first round, or what there is of one that did not end; null: none was begun. */
export function firstRun(folder: string): string | null {
  const [first] = roundsIn(folder);
  return first === undefined ? newestPart(folder, 1) : roundFolder(folder, first);
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
