/** Where the time of a warm call goes, by the stamps of its record. Pure. */
import type { Invocation } from '../../../autoscaler/replay/agent-api.ts';
import { type Spread, spreadOf } from '../../statistics.ts';

/** In the order in which they come. */
export const PATH_STAGES = ['to_program', 'program', 'to_caller'] as const;
export type PathStage = (typeof PATH_STAGES)[number];

/** What each of them is, for people. */
export const PATH_STAGE_TEXTS: Readonly<Record<PathStage, string>> = {
  to_program: '  agent, channel, init, supervisor',
  program: '  HTTP of the program',
  to_caller: '  and back to the caller',
};

/** Times of one call (ms). */
export interface PathCall {
  /** From when the agent has it to when its caller has the answer. */
  readonly taken_ms: number;
  /** The same from its asking. */
  readonly asked_ms: number;
  /** Each stage; null: the record does not tell. */
  readonly stages_ms: Readonly<Record<PathStage, number | null>>;
}

/** Stamps of the guest are as exact as its clock is known: to about half a round trip. */
export function pathCallOf(
  { received_at_ms, finished_at_ms, guest_wall_ms }: Invocation,
  from_ms: number,
  here_ms: number,
): PathCall {
  const began_ms = differenceOf(finished_at_ms, guest_wall_ms);
  return {
    taken_ms: here_ms - received_at_ms,
    asked_ms: here_ms - from_ms,
    stages_ms: {
      to_program: differenceOf(began_ms, received_at_ms),
      program: guest_wall_ms,
      to_caller: differenceOf(here_ms, finished_at_ms),
    },
  };
}

const differenceOf = (above: number | null, below: number | null): number | null =>
  above === null || below === null ? null : above - below;

/** Of each stage, of the calls whose record tells it. */
export function spreadOfStages(
  calls: readonly PathCall[],
): Readonly<Record<PathStage, Spread | null>> {
  const of = (stage: PathStage): Spread | null =>
    spreadOf(calls.map(({ stages_ms }) => stages_ms[stage]).filter((ms) => ms !== null));
  return {
    to_program: of('to_program'),
    program: of('program'),
    to_caller: of('to_caller'),
  };
}
