/** The options of `hotplane bench queue`, from text. Pure. */
import { formatBytes, MIB, parseBytes } from '../../base/units.ts';
import { badOption } from '../errors.ts';
import { type Arm, ARMS, armNamed } from './arms.ts';

/** As typed. */
export interface RawQueueBenchOptions {
  readonly churn: string;
  readonly calls: string;
  readonly cycles: string;
  readonly minutes: string;
  readonly rounds: string;
  /** Absent: all there are. */
  readonly arms: string | undefined;
  readonly price: string;
  readonly seed: string;
}

export interface QueueBenchOptions {
  /** What comes and goes beside the others, all its instances together. */
  readonly churn_bytes: number;
  /** So many calls of each neighbour are to meet an unplug in an arm, and as many its control. */
  readonly calls: number;
  /** How often it does so in a turn at most, and how long all turns may take together. */
  readonly cycles: number;
  readonly minutes: number;
  /** Every arm has its turn in each; every second one runs backwards. */
  readonly rounds: number;
  readonly arms: readonly Arm[];
  /** What bypass reckons with: so much work is a GiB worth that is held for a second. */
  readonly hold_ms_per_gib_s: number;
  readonly seed: number;
}

const COMMAND = 'bench queue';
const CHURN_MIN_BYTES = 512 * MIB;

/** Throws HP_BENCH_OPTION. */
export function parseQueueBenchOptions(raw: RawQueueBenchOptions): QueueBenchOptions {
  const churn_bytes = parseBytes(raw.churn);
  if (churn_bytes === null || churn_bytes < CHURN_MIN_BYTES || !Number.isInteger(churn_bytes)) {
    const least = formatBytes(CHURN_MIN_BYTES);
    throw badOption('churn', `'${raw.churn}' is not a size of at least ${least}`, COMMAND);
  }
  return {
    churn_bytes,
    calls: whole('calls', raw.calls, 1, 100_000),
    cycles: whole('cycles', raw.cycles, 1, 1_000),
    minutes: whole('minutes', raw.minutes, 1, 1_440),
    rounds: whole('rounds', raw.rounds, 1, 100),
    arms: armsOf(raw.arms),
    hold_ms_per_gib_s: whole('price', raw.price, 1, 1_000_000),
    seed: whole('seed', raw.seed, 0, 2 ** 31 - 1),
  };
}

/** Without the first one nothing is compared, so it is always there. */
function armsOf(text: string | undefined): readonly Arm[] {
  const [off, ...others] = ARMS;
  if (text === undefined) return ARMS;
  const named = text.split(',').map((part) => {
    const found = armNamed(part.trim());
    if (found) return found;
    const names = ARMS.map(({ name }) => name).join(', ');
    throw badOption('arms', `'${part}' is none of ${names}`, COMMAND);
  });
  return [off, ...others.filter((arm) => named.includes(arm))];
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw badOption(option, `'${text}' is not a whole number from ${least} to ${most}`, COMMAND);
}
