/**
 * A recorded run played again: the core is told what it was told live, at the moments at which it
 * was told it, and has to decide the same, byte for byte.
 */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy } from '../../agent/core/policy.ts';
import { type Step, step } from '../../agent/core/step.ts';
import type { HostEvent } from '../../agent/model/events.ts';
import type { HostState } from '../../agent/model/state.ts';
import { stateOf, type ToldLine } from '../../agent/model/told-events.ts';
import { jsonDocument } from '../../base/json.ts';
import { AUTOSCALER_POLICIES } from '../policy/registry.ts';
import { resultsMalformed, resultsMissing } from '../results/errors.ts';
import { readEvents, readManifest } from '../results/reader.ts';
import { decisionLine, type RunOrigin } from '../results/run-time.ts';
import type { EventLine, Manifest } from '../results/schema.ts';
import { RESULT_FILES } from '../results/writer.ts';
import { decidesOtherwise, notRecorded } from './errors.ts';

interface PlayedAgain {
  readonly folder: string;
  readonly mechanisms: readonly {
    readonly mechanism: string;
    readonly policy: string;
    readonly events: number;
    readonly decisions: number;
  }[];
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

const POLICIES: ReadonlyMap<string, Policy> = new Map(
  [DEFAULT_POLICY, ...AUTOSCALER_POLICIES].map((policy) => [policy.name, policy]),
);

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

class Player {
  readonly #folder: string;
  readonly #origin: RunOrigin;
  #state: HostState | null = null;
  #policy: Policy = DEFAULT_POLICY;
  #events = 0;
  #decisions = 0;

  constructor(folder: string, { mechanisms }: Manifest, mechanism: string) {
    const start_ms = mechanisms.find(({ name }) => name === mechanism)?.clock_start_ms ?? null;
    if (start_ms === null) throw notRecorded(folder, `does not tell when ${mechanism} began`);
    this.#folder = folder;
    this.#origin = { mechanism, start_ms };
  }

  /** The lines of what is decided now. */
  play({ host_ms, event_json }: EventLine, line: number): string[] {
    const told = this.#read(event_json, line);
    if (told.begin) {
      if (told.begin.functions > 0) {
        const there = `began on an agent with ${told.begin.functions} functions, which it does not tell`;
        throw notRecorded(this.#folder, there);
      }
      const policy = POLICIES.get(told.begin.policy);
      if (!policy) throw notRecorded(this.#folder, `has the unknown policy ${told.begin.policy}`);
      this.#policy = policy;
      this.#state = stateOf(told.begin);
      return [];
    }
    if (!this.#state) throw notRecorded(this.#folder, 'does not tell how it began');
    const { state, actions } = this.#step(this.#state, told.event, host_ms, line);
    this.#state = state;
    this.#events += 1;
    const lines = actions.flatMap((action) =>
      action.type === 'decision' ? JSON.stringify(decisionLine(action.decision, this.#origin)) : [],
    );
    this.#decisions += lines.length;
    return lines;
  }

  /** What the core cannot have been told is damage of the file. */
  #step(state: HostState, event: HostEvent, now_ms: number, line: number): Step {
    try {
      return step(state, event, now_ms, { policy: this.#policy, recording: true });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const path = join(this.#folder, RESULT_FILES.events);
      throw resultsMalformed(path, line, `the core cannot have been told this: ${why}`);
    }
  }

  told(): PlayedAgain['mechanisms'][number] {
    const { mechanism } = this.#origin;
    const counts = { events: this.#events, decisions: this.#decisions };
    return { mechanism, policy: this.#policy.name, ...counts };
  }

  #read(text: string, line: number): ToldLine {
    try {
      const told: ToldLine = JSON.parse(text);
      if (told.begin ?? told.event?.type) return told;
    } catch {
      // Told below, with its line.
    }
    const path = join(this.#folder, RESULT_FILES.events);
    throw resultsMalformed(path, line, 'event_json is no event');
  }
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
