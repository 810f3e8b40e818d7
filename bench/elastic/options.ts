/** The options of `hotplane bench elastic`, from text. Pure. */
import { BASELINE, type MechanismName, MECHANISMS } from '../../agent/model/mechanism.ts';
import { DEVICE_BLOCK_BYTES, parseBytes } from '../../base/units.ts';
import { badOption } from '../errors.ts';

/** As typed. */
export interface RawElasticOptions {
  readonly mechanism: string;
  readonly instances: string;
  readonly limit: string;
  readonly baseline: string;
  readonly increment: string;
  readonly seconds: string;
  readonly rounds: string;
  readonly seed: string;
  readonly short: boolean;
}

export interface ElasticOptions {
  /** `static` beside what is measured, in every round. */
  readonly mechanisms: readonly MechanismName[];
  /** In one VM, all at work at the same time. */
  readonly instances: number;
  readonly limit_bytes: number;
  readonly baseline_bytes: number;
  readonly increment_bytes: number;
  /** How long each series is played, whatever it was. */
  readonly play_ms: number;
  readonly rounds: number;
  readonly seed: number;
  /** The first play alone. */
  readonly short: boolean;
}

const COMMAND = 'bench elastic';
const INSTANCES_MAX = 32;
const SECONDS_MAX = 600;
const ROUNDS_MAX = 20;
const MS_PER_S = 1000;

/** Throws HP_BENCH_OPTION. */
export function parseElasticOptions(raw: RawElasticOptions): ElasticOptions {
  const limit_bytes = size('limit', raw.limit);
  const baseline_bytes = size('baseline', raw.baseline);
  if (baseline_bytes > limit_bytes) {
    throw badOption('baseline', `'${raw.baseline}' is more than --limit ${raw.limit}`, COMMAND);
  }
  return {
    mechanisms: mechanismsOf(raw.mechanism),
    instances: whole('instances', raw.instances, 1, INSTANCES_MAX),
    limit_bytes,
    baseline_bytes,
    increment_bytes: size('increment', raw.increment),
    play_ms: whole('seconds', raw.seconds, 1, SECONDS_MAX) * MS_PER_S,
    rounds: whole('rounds', raw.rounds, 1, ROUNDS_MAX),
    seed: whole('seed', raw.seed, 0, 2 ** 31 - 1),
    short: raw.short,
  };
}

/** Without the baseline nothing is compared, so it is always there, first. */
function mechanismsOf(text: string): MechanismName[] {
  const named = text.split(',').map((part) => {
    const found = MECHANISMS.find(part.trim());
    if (!found) throw badOption('mechanism', `'${part}' is no mechanism`, COMMAND);
    return found.name;
  });
  const measured = named.filter((name) => MECHANISMS.get(name).plugs_on_demand);
  if (measured.length === 0) throw badOption('mechanism', 'none of them plugs', COMMAND);
  return [BASELINE, ...new Set(measured)];
}

function size(option: string, text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== null && bytes >= DEVICE_BLOCK_BYTES) return bytes;
  throw badOption(option, `'${text}' is not a size of at least 2MiB, like 64MiB`, COMMAND);
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw badOption(option, `'${text}' is not a whole number from ${least} to ${most}`, COMMAND);
}
