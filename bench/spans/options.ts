/** The options of `hotplane bench spans`, from text. Pure. */
import { SPAN_TIMES_MAX } from '../../agent/model/work.ts';
import { DEVICE_BLOCK_BYTES, parseBytes } from '../../base/units.ts';
import { badOption } from '../errors.ts';

/** As typed. */
export interface RawSpansOptions {
  readonly size: string;
  readonly times: string;
  readonly touch: string;
}

export interface SpansOptions {
  readonly span_bytes: number;
  /** How often it is opened, all in one invocation. */
  readonly times: number;
  /** What of it is touched each time: whole pages of {@link span_bytes}. */
  readonly touch_bytes: number;
}

const COMMAND = 'bench spans';
const PERCENT = 100;

/** Throws HP_BENCH_OPTION. */
export function parseSpansOptions(raw: RawSpansOptions): SpansOptions {
  const span_bytes = parseBytes(raw.size);
  if (span_bytes === null || span_bytes < DEVICE_BLOCK_BYTES || !Number.isInteger(span_bytes)) {
    throw badOption('size', `'${raw.size}' is not a size of at least 2MiB, like 1GiB`, COMMAND);
  }
  const touch_percent = whole('touch', raw.touch, 0, PERCENT);
  return {
    span_bytes,
    times: whole('times', raw.times, 1, SPAN_TIMES_MAX),
    touch_bytes: Math.floor((span_bytes * touch_percent) / PERCENT),
  };
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw badOption(option, `'${text}' is not a whole number from ${least} to ${most}`, COMMAND);
}
