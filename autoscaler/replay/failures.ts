/**
 * Failures that a replay brings about on purpose: which, when, and of which function. Pure; what is
 * not said is drawn with the seed, so that every mechanism and every repetition has the same.
 */
import { seededRandom } from '../../base/random.ts';
import { badReplayOption } from './errors.ts';
import { REPLAY_LIMITS } from './limits.ts';

/**
 * `kill-vmm`: the VMM of a function is killed. `stall-vmm`: it is stopped for a while and goes on.
 * `kill-agent`: the agent is killed, and another goes on with its state and its VMs.
 */
export const FAILURES = ['kill-vmm', 'stall-vmm', 'kill-agent'] as const;
export type FailureName = (typeof FAILURES)[number];

export interface AskedFailure {
  readonly failure: FailureName;
  /** After the beginning of the window, in the time of the run; null: drawn. */
  readonly at_ms: number | null;
  /** Rank of the function; null: drawn. */
  readonly rank: number | null;
}

export interface PlannedFailure {
  readonly failure: FailureName;
  readonly at_ms: number;
  /** Null: it is of no function. */
  readonly function: string | null;
}

const FORM = 'NAME@SECONDS/RANK, of which the last two may be left out, with commas, is needed';

/** `kill-vmm@5/1,stall-vmm`. Throws `HP_REPLAY_OPTION`. */
export function parseFailures(text: string): readonly AskedFailure[] {
  const asked = text.split(',').map((part): AskedFailure => {
    const found = /^([a-z-]+)(?:@(\d+(?:\.\d+)?))?(?:\/(\d+))?$/.exec(part.trim());
    const failure = FAILURES.find((name) => name === found?.[1]);
    if (!found || !failure) {
      throw badReplayOption('fail', text, `${FORM}; names are ${FAILURES.join(', ')}`);
    }
    const [at_s, rank] = [found[2], found[3]];
    if (failure === 'kill-agent' && rank !== undefined) {
      throw badReplayOption('fail', text, 'kill-agent is of no function');
    }
    return {
      failure,
      at_ms: at_s === undefined ? null : Math.round(Number(at_s) * 1000),
      rank: rank === undefined ? null : Number(rank),
    };
  });
  if (asked.length <= REPLAY_LIMITS.failures) return asked;
  throw badReplayOption('fail', text, `at most ${REPLAY_LIMITS.failures} are brought about`);
}

/** By time. Throws `HP_REPLAY_OPTION` for one that lies after the load or is of no function. */
export function planFailures(
  asked: readonly AskedFailure[],
  plan: { readonly functions: readonly { readonly name: string }[]; readonly load_ms: number },
  seed: number,
): readonly PlannedFailure[] {
  const random = seededRandom(seed);
  const planned = asked.map(({ failure, at_ms, rank }): PlannedFailure => {
    // Drawn whether or not they are needed: what is said of one changes nothing of the others.
    const drawn_ms = Math.round(random() * plan.load_ms);
    const drawn = Math.floor(random() * plan.functions.length);
    const at = at_ms ?? drawn_ms;
    if (at > plan.load_ms) {
      const load = `the load of ${plan.load_ms / 1000} s`;
      throw badReplayOption('fail', '', `${failure} at ${at / 1000} s comes after ${load}`);
    }
    const one = plan.functions[rank === null ? drawn : rank - 1];
    if (!one) throw badReplayOption('fail', '', `there is no function of rank ${rank}`);
    return { failure, at_ms: at, function: failure === 'kill-agent' ? null : one.name };
  });
  return planned.toSorted((a, b) => a.at_ms - b.at_ms);
}
