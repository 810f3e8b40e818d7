/**
 * `hotplane replay --rounds R`: the same plan R times, a folder for each round, every round
 * beginning with another mechanism. The same command again goes on: a round that is complete is
 * kept; one that is not is put aside, and what of it is complete is taken over into it.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { MechanismName } from '../../agent/model/mechanism.ts';
import { describeError } from '../../base/errors.ts';
import {
  newestPart,
  nextPart,
  rebuildRounds,
  roundFolder,
  roundsIn,
} from '../report/rounds-folder.ts';
import type { RoundsSummary } from '../report/rounds.ts';
import { isUnwritable, resultsUnwritable } from '../results/errors.ts';
import { readManifest } from '../results/reader.ts';
import type { Manifest } from '../results/schema.ts';
import { RESULT_FILES } from '../results/writer.ts';
import {
  interruptedEarly,
  interruptedRounds,
  isUnrecorded,
  otherRounds,
  unrecorded,
} from './errors.ts';
import type { RunFacts } from './manifest.ts';
import type { ReplayOptions } from './options.ts';
import { needNoResults } from './out-folder.ts';
import type { Repeated } from './prepare.ts';
import { optionDifferences } from './repeat.ts';
import { replay, type ReplayDependencies } from './replay.ts';
import type { CutRun } from './resume.ts';
import { TimeLeft } from './time-left.ts';

/** What all rounds share; the facts of each are read when it begins. */
export type RoundsDependencies = Omit<ReplayDependencies, 'facts' | 'time_left' | 'cut'> & {
  readonly readFacts: () => Promise<RunFacts>;
};

/**
 * Resolves when all rounds are complete. Otherwise throws the first problem, after the rounds so
 * far are summarised; after one that failed the next has its turn, after one that never began, or
 * could not be written, none.
 */
export async function replayRounds(
  options: ReplayOptions,
  deps: RoundsDependencies,
): Promise<RoundsSummary> {
  const { out, rounds } = options;
  needNoResults(out);
  const complete = await completeRounds(options);
  let problem: unknown = null;
  let time_left = new TimeLeft();
  for (let round = 1; round <= rounds && !deps.signal.aborted; round += 1) {
    if (complete.has(round)) {
      deps.onNote(`round ${round} of ${rounds} is there`);
      continue;
    }
    deps.onNote(`round ${round} of ${rounds}`);
    const cut = await putAside(out, round);
    time_left = new TimeLeft(laterRounds(round, rounds, complete), time_left.beside_ms);
    try {
      const facts = await deps.readFacts();
      const mine = optionsOf(options, round);
      const repeated = await repeatedBy(options, round, deps.repeated);
      await replay(mine, { ...deps, facts, repeated, time_left, cut });
    } catch (error) {
      problem ??= error;
      if (deps.signal.aborted || isUnrecorded(error) || isUnwritable(error)) break;
      if (!isBegun(out, round)) break;
      deps.onNote(`round ${round} of ${rounds} is not complete: ${describeError(error)}`);
    }
  }
  if (roundsIn(out).length === 0) throw problem ?? interruptedEarly();
  const summary = rebuildRounds(out);
  // What cannot be summarised is told where nothing else is.
  if (problem !== null) await summary.catch(() => {});
  else await summary;
  if (deps.signal.aborted) throw interruptedRounds(out, await countComplete(out), rounds);
  // Those that are there stay: it ends as where a round could not be written to its end.
  if (isUnwritable(problem)) throw unrecorded(out, null, problem);
  if (problem !== null) throw problem;
  return await summary;
}

/** The order of mechanisms is turned by one a round, so that none always comes first. */
export function orderOfRound(
  mechanisms: readonly MechanismName[],
  round: number,
): readonly MechanismName[] {
  const by = (round - 1) % mechanisms.length;
  return [...mechanisms.slice(by), ...mechanisms.slice(0, by)];
}

function optionsOf(options: ReplayOptions, round: number): ReplayOptions {
  const mechanisms = orderOfRound(options.mechanisms, round);
  const texts = { ...options.texts, mechanism: mechanisms.join(',') };
  return { ...options, mechanisms, texts, out: roundFolder(options.out, round) };
}

/** Every later round repeats the first: another trace is refused, other sources are told. */
async function repeatedBy(
  options: ReplayOptions,
  round: number,
  given: Repeated | null,
): Promise<Repeated | null> {
  const [first] = roundsIn(options.out);
  if (first === undefined || first >= round) return given;
  const folder = roundFolder(options.out, first);
  const manifest = await readManifest(folder);
  return { folder, manifest: inOrderOf(manifest, optionsOf(options, round)), trace_named: false };
}

/** The order is another one on purpose: that is no difference. */
function inOrderOf(manifest: Manifest, { texts }: ReplayOptions): Manifest {
  return { ...manifest, options: { ...manifest.options, mechanism: texts['mechanism'] ?? '' } };
}

/** Throws `HP_REPLAY_ROUNDS` when a round there is of other options. */
async function completeRounds(options: ReplayOptions): Promise<ReadonlySet<number>> {
  const complete = new Set<number>();
  for (const round of roundsIn(options.out)) {
    const folder = roundFolder(options.out, round);
    const manifest = await readManifest(folder);
    const [difference] = optionDifferences(manifest.options ?? {}, optionsOf(options, round).texts);
    if (difference !== undefined) throw otherRounds(folder, difference);
    if (manifest.status === 'complete') complete.add(round);
  }
  return complete;
}

async function countComplete(out: string): Promise<number> {
  const manifests = roundsIn(out).map(async (round) => await readManifest(roundFolder(out, round)));
  return (await Promise.all(manifests)).filter(({ status }) => status === 'complete').length;
}

function laterRounds(round: number, rounds: number, complete: ReadonlySet<number>): number {
  return rounds - round - [...complete].filter((one) => one > round && one <= rounds).length;
}

/**
 * What a round saw that did not end is kept, under another name. One that was put aside and did not
 * begin again since is gone on with, too.
 */
async function putAside(out: string, round: number): Promise<CutRun | null> {
  const folder = roundFolder(out, round);
  if (!isBegun(out, round)) {
    const part = newestPart(out, round);
    return part === null ? null : { folder: part, manifest: await readManifest(part) };
  }
  const manifest = await readManifest(folder);
  const part = nextPart(out, round);
  try {
    renameSync(folder, part);
  } catch (error) {
    throw resultsUnwritable(folder, error);
  }
  return { folder: part, manifest };
}

function isBegun(out: string, round: number): boolean {
  return existsSync(join(roundFolder(out, round), RESULT_FILES.manifest));
}
