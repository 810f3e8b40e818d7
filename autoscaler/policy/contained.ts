/**
 * A policy that others wrote, held so that it cannot harm: what throws, takes too long or answers
 * nonsense is told once, and from then on the default answers in its place. Pure but for that
 * memory and the clock it is given.
 */
import { DEFAULT_POLICY } from '../../agent/core/default-policy/policy.ts';
import type { Policy, Scale } from '../../agent/core/policy.ts';

export interface Containment {
  readonly clock: () => number;
  /**
   * Its own work (ms of CPU time), which is what counts: on a host that is starved any answer may
   * take long. Asked of only after one did, for it costs more than a look at the clock.
   */
  readonly worked: () => number;
  /** One answer; the agent decides nothing else meanwhile. */
  readonly slow_ms: number;
  /** Told once: which question, and what was wrong with the answer. */
  readonly tell: (question: string, problem: string) => void;
  /**
   * What to ask from now on, once, where one that failed has been mended; null: not yet. Absent: it
   * never is.
   */
  readonly mended?: () => Policy | null;
}

/** Asks a policy; `answerOf` is given the default where that one has failed. */
type Ask = <Answer>(
  question: string,
  answerOf: (from: Policy) => Answer,
  problemOf: (answer: Answer) => string | null,
) => Answer;

/** The same policy, and the default's answers once it has failed. */
export function contained(policy: Policy, containment: Containment): Policy {
  const { clock, worked, slow_ms, tell, mended } = containment;
  let current = policy;
  let is_broken = false;
  /** An answer took long: from now on it is told whether that is the policy's work. */
  let is_watched = false;
  const give_up = (question: string, problem: string): void => {
    if (!is_broken) tell(question, problem);
    is_broken = true;
  };
  const ask: Ask = (question, answerOf, problemOf) => {
    const fresh = is_broken ? mended?.() : null;
    if (fresh) [current, is_broken, is_watched] = [fresh, false, false];
    if (is_broken) return answerOf(DEFAULT_POLICY);
    const timer = is_watched ? worked : clock;
    const begin_ms = timer();
    try {
      const answer = answerOf(current);
      let took_ms = timer() - begin_ms;
      if (took_ms > slow_ms && !is_watched) {
        is_watched = true;
        took_ms = 0;
      }
      const problem = problemOf(answer);
      if (problem === null && took_ms <= slow_ms) return answer;
      give_up(question, problem ?? `worked for ${Math.round(took_ms)} ms, more than ${slow_ms}`);
    } catch (error) {
      give_up(question, `threw: ${error instanceof Error ? error.message : String(error)}`);
    }
    return answerOf(DEFAULT_POLICY);
  };
  return {
    name: policy.name,
    elastic: policy.elastic,
    admit: (view) =>
      ask(
        'admit',
        (from) => from.admit(view),
        (answer) => (typeof answer?.admit === 'boolean' ? null : 'neither admits nor refuses'),
      ),
    place: (view, candidates) =>
      ask(
        'place',
        (from) => from.place(view, candidates),
        (answer) =>
          answer === null || candidates.includes(answer)
            ? null
            : 'is no candidate that was offered',
      ),
    scale: (view) => ask('scale', (from) => from.scale(view), problemOfScale),
    size: (view) =>
      ask(
        'size',
        (from) => from.size(view),
        (answer) =>
          answer === null || Number.isFinite(answer?.target_bytes) ? null : 'is no size',
      ),
    ...optional(policy, mended !== undefined, ask),
  };
}

/** What a policy need not answer; one that may be mended may do so later. */
function optional(
  { learn, giveWay, gaveWay }: Policy,
  is_mended: boolean,
  ask: Ask,
): Pick<Policy, 'giveWay' | 'gaveWay' | 'learn'> {
  return {
    ...((giveWay ?? is_mended) && {
      giveWay: (idle, about) =>
        ask(
          'giveWay',
          (from) => from.giveWay?.(idle, about) ?? idle,
          (answer) =>
            Array.isArray(answer) && answer.every((one) => idle.includes(one))
              ? null
              : 'names an instance that was not offered',
        ),
    }),
    ...((gaveWay ?? is_mended) && {
      gaveWay: (memory, one, left) =>
        ask(
          'gaveWay',
          (from) => (from.gaveWay ? from.gaveWay(memory, one, left) : memory),
          () => null,
        ),
    }),
    ...((learn ?? is_mended) && {
      learn: (memory, event, now_ms, specOf, countsOf) =>
        ask(
          'learn',
          (from) => (from.learn ? from.learn(memory, event, now_ms, specOf, countsOf) : memory),
          () => null,
        ),
    }),
  };
}

function problemOfScale(answer: Scale): string | null {
  const counts = [answer?.starts, answer?.launches, answer?.plugged];
  if (!counts.every((count) => Number.isInteger(count)))
    return 'has counts that are no whole numbers';
  if (!Array.isArray(answer.stops) || !Array.isArray(answer.ends)) return 'has no lists of ends';
  const { wake_at_ms } = answer;
  return wake_at_ms === null || Number.isFinite(wake_at_ms) ? null : 'wakes at no time';
}
