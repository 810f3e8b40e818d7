/** The options of `hotplane bench invoke`, from text. Pure. */
import { type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import { badOption } from '../errors.ts';

/** As typed. */
export interface RawInvokeOptions {
  readonly mechanism: string;
  readonly starts: string;
  readonly rounds: string;
  readonly vcpus: string;
  readonly path: boolean;
}

export interface InvokeOptions {
  readonly mechanisms: readonly MechanismName[];
  /** Sizes of bursts: how many invocations are sent at once. */
  readonly starts: readonly number[];
  readonly rounds: number;
  readonly vcpus: number;
  /** Also measure what the way of a call costs. */
  readonly path: boolean;
}

/** Each start has a guest node of its own under `numa`, with boot memory taken for it. */
const STARTS_MAX = 64;
const ROUNDS_MAX = 100;
const VCPUS_MAX = 64;

/** Throws HP_BENCH_OPTION. */
export function parseInvokeOptions(raw: RawInvokeOptions): InvokeOptions {
  return {
    mechanisms: listOf('mechanism', raw.mechanism, (word) => MECHANISMS.find(word)?.name),
    starts: listOf('starts', raw.starts, (word) => whole(word, STARTS_MAX)),
    rounds: single('rounds', raw.rounds, ROUNDS_MAX),
    vcpus: single('vcpus', raw.vcpus, VCPUS_MAX),
    path: raw.path,
  };
}

function listOf<T>(option: string, text: string, parse: (word: string) => T | undefined): T[] {
  const values = text.split(',').map((part) => {
    const word = part.trim();
    const value = parse(word);
    if (value === undefined) throw badOption(option, `'${word}' is ${WANTED[option]}`, COMMAND);
    return value;
  });
  if (new Set(values).size === values.length) return values;
  throw badOption(option, `'${text}' names one twice`, COMMAND);
}

function single(option: string, text: string, max: number): number {
  const value = whole(text, max);
  if (value !== undefined) return value;
  throw badOption(option, `'${text}' is not a whole number from 1 to ${max}`, COMMAND);
}

function whole(word: string, max: number): number | undefined {
  const value = /^\d{1,9}$/.test(word) ? Number(word) : 0;
  return value >= 1 && value <= max ? value : undefined;
}

const COMMAND = 'bench invoke';
const WANTED: Readonly<Record<string, string>> = {
  mechanism: `none of ${MECHANISMS.names.join(', ')}`,
  starts: `not a whole number from 1 to ${STARTS_MAX}`,
};
