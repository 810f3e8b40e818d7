/** The options of `hotplane bench memento`, from text. Pure. */
import { formatBytes, MIB, parseBytes } from '../../base/units.ts';
import { badOption } from '../errors.ts';
import { MEMENTO_ARMS, type MementoArm } from './arms.ts';
import { SUBJECTS, type Subject } from './subjects.ts';

/** As typed. */
export interface RawMementoOptions {
  readonly bytes: string;
  readonly rounds: string;
  /** Absent: all there are. */
  readonly arms: string | undefined;
  readonly functions: string | undefined;
  readonly seed: string;
}

export interface MementoOptions {
  /** What a call of the function that allocates much touches. */
  readonly bytes: number;
  /** Every arm of every function has its turn in each. */
  readonly rounds: number;
  readonly arms: readonly MementoArm[];
  readonly subjects: readonly Subject[];
  /** Of the input of the real functions, and of the intervals. */
  readonly seed: number;
}

export const MEMENTO_COMMAND = 'bench memento';
const BYTES_MIN = 4 * MIB;
const BYTES_MAX = 4096 * MIB;
const ROUNDS_MAX = 1_000;
const SEED_MAX = 2 ** 31 - 1;

/** Throws HP_BENCH_OPTION. */
export function parseMementoOptions(raw: RawMementoOptions): MementoOptions {
  const bytes = parseBytes(raw.bytes);
  if (bytes === null || bytes < BYTES_MIN || bytes > BYTES_MAX || bytes % MIB !== 0) {
    const [least, most] = [formatBytes(BYTES_MIN), formatBytes(BYTES_MAX)];
    const problem = `'${raw.bytes}' is not a whole number of MiB from ${least} to ${most}`;
    throw badOption('bytes', problem, MEMENTO_COMMAND);
  }
  const [off, ...others] = MEMENTO_ARMS;
  return {
    bytes,
    rounds: whole('rounds', raw.rounds, 1, ROUNDS_MAX),
    // Without the first one nothing is compared, so it is always there.
    arms: [off, ...chosen('arms', raw.arms, others, [off])],
    subjects: chosen('functions', raw.functions, SUBJECTS),
    seed: whole('seed', raw.seed, 0, SEED_MAX),
  };
}

/** In the order of all there are, whatever the list's; `known`: named to no effect. */
function chosen<Named extends { readonly name: string }>(
  option: string,
  text: string | undefined,
  all: readonly Named[],
  known: readonly Named[] = [],
): readonly Named[] {
  if (text === undefined) return all;
  const names = text.split(',').map((part) => part.trim());
  const there = [...known, ...all].map(({ name }) => name);
  const stranger = names.find((name) => !there.includes(name));
  if (stranger !== undefined) {
    const problem = `'${stranger}' is none of ${there.join(', ')}`;
    throw badOption(option, problem, MEMENTO_COMMAND);
  }
  return all.filter(({ name }) => names.includes(name));
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  const problem = `'${text}' is not a whole number from ${least} to ${most}`;
  throw badOption(option, problem, MEMENTO_COMMAND);
}
