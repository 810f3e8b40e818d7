/** The options of `hotplane bench reclaim`, from text. Pure. */
import { MEMORY_BLOCK_BYTES, parseBytes } from '../../../base/units.ts';
import { type Backing, BACKINGS } from '../../../agent/model/spec.ts';
import { BENCH_MECHANISMS, type BenchMechanism, GUEST_PAGES } from './cell.ts';
import { badOption } from '../../errors.ts';

export const PARTS = ['reclaim', 'off', 'attached', 'lock'] as const;
/**
 * `off`: the patched kernel with the feature off. `attached`: page faults in a partition. `lock`:
 * how long they hold its lock.
 */
export type Part = (typeof PARTS)[number];

/** As typed; what is missing takes its default. */
export interface RawOptions {
  readonly mechanism?: string | undefined;
  readonly sizes?: string | undefined;
  readonly occupancy?: string | undefined;
  readonly 'init-on-alloc'?: string | undefined;
  readonly pages?: string | undefined;
  readonly backing?: string | undefined;
  readonly neighbour?: string | undefined;
  readonly parts?: string | undefined;
  readonly repetitions?: string | undefined;
  readonly rounds?: string | undefined;
  readonly seed?: string | undefined;
  readonly short?: boolean | undefined;
}

/** Null: not given, the plan decides. */
export interface BenchOptions {
  readonly mechanisms: readonly BenchMechanism[];
  readonly sizes_bytes: readonly number[] | null;
  /** Null inside the list: full. */
  readonly occupancy_percents: readonly (number | null)[] | null;
  readonly init_on_alloc: readonly boolean[] | null;
  readonly pages: readonly (typeof GUEST_PAGES)[number][] | null;
  readonly backings: readonly Backing[] | null;
  readonly neighbour: readonly boolean[] | null;
  readonly parts: readonly Part[] | null;
  readonly repetitions: number | null;
  readonly rounds: number | null;
  readonly seed: number;
  readonly short: boolean;
}

const DEFAULT_MECHANISMS: readonly BenchMechanism[] = ['hotmem', 'numa', 'virtio-mem'];
const REPETITIONS_MAX = 1000;
const SEED_MAX = 0xffff_ffff;

export function parseOptions(raw: RawOptions): BenchOptions {
  return {
    mechanisms: list('mechanism', raw.mechanism, oneOf(BENCH_MECHANISMS)) ?? DEFAULT_MECHANISMS,
    sizes_bytes: list('sizes', raw.sizes, regionSize),
    occupancy_percents: list('occupancy', raw.occupancy, occupancy),
    init_on_alloc: list('init-on-alloc', raw['init-on-alloc'], flag('0', '1')),
    pages: list('pages', raw.pages, oneOf(GUEST_PAGES)),
    backings: list('backing', raw.backing, oneOf(BACKINGS.filter((one) => one !== 'huge'))),
    neighbour: list('neighbour', raw.neighbour, flag('off', 'on')),
    parts: list('parts', raw.parts, oneOf(PARTS)),
    repetitions: count('repetitions', raw.repetitions, REPETITIONS_MAX),
    rounds: count('rounds', raw.rounds, REPETITIONS_MAX),
    seed: count('seed', raw.seed, SEED_MAX) ?? 1,
    short: raw.short ?? false,
  };
}

/** Undefined from `parse` is "not one of these". */
type Parse<T> = (text: string) => { readonly value: T } | string;

function list<T>(option: string, text: string | undefined, parse: Parse<T>): T[] | null {
  if (text === undefined) return null;
  const values = text.split(',').map((word) => {
    const parsed = parse(word.trim());
    if (typeof parsed === 'string') throw badOption(option, `'${word.trim()}' ${parsed}`);
    return parsed.value;
  });
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw badOption(option, `'${String(twice)}' is named twice`);
  return values;
}

function oneOf<T extends string>(known: readonly T[]): Parse<T> {
  return (text) => {
    const value = known.find((name) => name === text);
    return value === undefined ? `is none of ${known.join(', ')}` : { value };
  };
}

function flag(off: string, on: string): Parse<boolean> {
  return (text) =>
    text === off || text === on ? { value: text === on } : `is neither ${off} nor ${on}`;
}

function regionSize(text: string): { value: number } | string {
  const value = parseBytes(text);
  const fits = value !== null && value > 0 && value % MEMORY_BLOCK_BYTES === 0;
  return fits ? { value } : 'is not a multiple of 128MiB';
}

function occupancy(text: string): { value: number | null } | string {
  if (text === 'full') return { value: null };
  const value = Number(text.replace(/%$/, ''));
  const fits = text !== '' && Number.isInteger(value) && value >= 0 && value <= 95;
  return fits ? { value } : "is neither a whole percentage from 0 to 95 nor 'full'";
}

function count(option: string, text: string | undefined, max: number): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw badOption(option, `'${text}' is not a whole number from 1 to ${max}`);
}
