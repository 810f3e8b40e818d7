/**
 * A recorded run played again: the core is told what it was told live, at the moments at which it
 * was told it, and has to decide the same, byte for byte.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { jsonDocument } from '../../base/json.ts';
import { resultsMissing } from '../results/errors.ts';
import { readEvents, readManifest } from '../results/reader.ts';
import { RESULT_FILES } from '../results/writer.ts';
import { checkOneAgent, decidesOtherwise, notRecorded } from './errors.ts';
import { Player, type PlayedMechanism } from './recorded-player.ts';

interface PlayedAgain {
  readonly folder: string;
  readonly mechanisms: readonly PlayedMechanism[];
  /** Where the recorded decisions and those of now part; null: they are the same bytes. */
  readonly difference: Difference | null;
}

interface Difference {
  /** In decisions.jsonl. */
  readonly line: number;
  /** Null: there is no such line. */
  readonly recorded: string | null;
  readonly played: string | null;
}

/** `hotplane simulate decisions`. Throws HP_SIMULATE_DIFFERENT, and as {@link playAgain}. */
export async function runSimulateDecisions(input: {
  readonly folder: string;
  readonly json: boolean;
  readonly stdout: { write(text: string): unknown };
  readonly signal: AbortSignal;
}): Promise<void> {
  const told = await playAgain(input.folder, input.signal);
  input.stdout.write(input.json ? jsonDocument(told) : renderPlayedAgain(told));
  if (told.difference) throw decidesOtherwise(input.folder, told.difference.line);
}

/** Throws `HP_RESULTS_*`, HP_SIMULATE_NOT_RECORDED. */
async function playAgain(folder: string, signal?: AbortSignal): Promise<PlayedAgain> {
  const manifest = await readManifest(folder);
  checkOneAgent(folder, manifest);
  const players = new Map<string, Player>();
  const played: string[] = [];
  let read = 0;
  const is_there = await readEvents(
    folder,
    (line) => {
      read += 1;
      const known = players.get(line.mechanism) ?? new Player(folder, manifest, line.mechanism);
      players.set(line.mechanism, known);
      played.push(...known.play(line, read));
    },
    signal,
  );
  if (!is_there || read === 0) throw notRecorded(folder, 'has no events.jsonl, or an empty one');
  const difference = await firstDifference(join(folder, RESULT_FILES.decisions), played);
  return { folder, mechanisms: [...players.values()].map((one) => one.told()), difference };
}

async function firstDifference(
  path: string,
  played: readonly string[],
): Promise<Difference | null> {
  let line = 0;
  try {
    const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
    for await (const recorded of lines) {
      const own = played[line] ?? null;
      line += 1;
      if (recorded !== own) return { line, recorded, played: own };
    }
  } catch (error) {
    throw resultsMissing(path, error);
  }
  const more = played[line];
  return more === undefined ? null : { line: line + 1, recorded: null, played: more };
}

function renderPlayedAgain({ folder, mechanisms, difference }: PlayedAgain): string {
  const lines = mechanisms.map(
    ({ mechanism, policy, events, decisions }) =>
      `${mechanism}: ${events} events, ${decisions} decisions of ${policy}`,
  );
  if (difference === null) {
    return `${[...lines, `all decisions of ${folder} are the same, byte for byte`].join('\n')}\n`;
  }
  const { line, recorded, played } = difference;
  return `${[
    ...lines,
    `DIFFERENT from line ${line} of ${RESULT_FILES.decisions} on:`,
    `  recorded  ${recorded ?? '(no such line)'}`,
    `  now       ${played ?? '(no such line)'}`,
  ].join('\n')}\n`;
}
