/**
 * Whether what one instance does delays the calls of another: how long these take beside it,
 * against how long they take before and after it. An emulator on a machine that is busy is late
 * by itself now and then, so that a percentile is judged with room for that, and the median, which
 * such a moment does not move, without.
 */
import type { ExecutionContext } from 'ava';
import { hostClock } from '../../base/clock.ts';
import { median, percentile, Sample } from '../../base/statistics.ts';

const CALLS = 100;
/** Of them; the rest may take as long as they like. */
const SHARE = 0.99;
/** One CPU is shared by two: twice is what it must cost, and an emulator's scheduling is coarse. */
const TIMES_MAX = 10;
/** Of one that was quick: an emulator is late by so much now and then, beside anything. */
const LATE_MS = 100;
/** Of the median; beside a flood of words of spans it is 3 to 4.4 on a machine that is idle. */
const MEDIAN_TIMES_MAX = 8;

export interface Delays {
  /** Calls while the VM was quiet, before and after. */
  readonly quiet_ms: readonly number[];
  readonly beside_ms: readonly number[];
  /** Of the calls, that is judged; 0.99 where absent, which wants 100 of them. */
  readonly share?: number;
}

/** What its calls took (ms), so many of them at least, and on until that is over. */
export async function timesOf(
  call: () => Promise<void>,
  { calls = CALLS, isOver = () => true }: { calls?: number; isOver?: () => boolean } = {},
): Promise<readonly number[]> {
  const took_ms: number[] = [];
  while (took_ms.length < calls || !isOver()) {
    const begun_ms = hostClock.nowMs();
    await call();
    took_ms.push(hostClock.nowMs() - begun_ms);
  }
  return took_ms;
}

/** Figures for people, and the rules that they break. */
export function judgeDelays({ quiet_ms, beside_ms, share = SHARE }: Delays): {
  readonly figures: string;
  readonly broken: readonly string[];
} {
  type Of = (took_ms: readonly number[]) => number | null;
  const told = (name: string, of: Of, most: (quiet: number) => number) => {
    // NaN is within nothing.
    const [quiet, beside] = [of(quiet_ms) ?? Number.NaN, of(beside_ms) ?? Number.NaN];
    const text = `${name} quiet ${quiet.toFixed(1)} ms, beside it ${beside.toFixed(1)} ms`;
    return { text, is_broken: !(beside <= most(quiet)) };
  };
  const late: Of = (took_ms) => percentile(Sample.of(took_ms), share);
  const rules = [
    told('median', median, (quiet) => MEDIAN_TIMES_MAX * quiet),
    told(`p${share * 100}`, late, (quiet) => TIMES_MAX * quiet + LATE_MS),
  ];
  return {
    figures: rules.map(({ text }) => text).join('; '),
    broken: rules.flatMap(({ text, is_broken }) => (is_broken ? [text] : [])),
  };
}

export function holdsBeside(t: ExecutionContext, what: string, delays: Delays): void {
  const { figures, broken } = judgeDelays(delays);
  t.log(`${what}: ${figures}`);
  t.deepEqual(broken, [], `${what}: ${figures}`);
}
