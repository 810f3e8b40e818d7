/** The steps of a recording made again, and what CPU time they took. */
import type { CoreUnderTest } from './core-under-test.ts';
import { coreBroken } from './errors.ts';
import type { Recording } from './recorded-host.ts';

const US_PER_MS = 1_000;

/** Microseconds of CPU, user and system, collection of garbage included, for one step. */
export function measureSteps(
  core: CoreUnderTest,
  recording: Recording,
  figure_ms: number,
): { readonly us_per_step: number; readonly steps: number } {
  const begin = process.cpuUsage();
  let steps = 0;
  let spent_us = 0;
  do {
    playOnce(core, recording);
    steps += recording.steps.length;
    const { user, system } = process.cpuUsage(begin);
    spent_us = user + system;
  } while (spent_us < figure_ms * US_PER_MS);
  return { us_per_step: spent_us / steps, steps };
}

/** Throws HP_BENCH_CORE when it comes out otherwise than when it was recorded. */
function playOnce({ step }: CoreUnderTest, { first, steps, actions }: Recording): void {
  let state = first;
  let made = 0;
  for (const { event, now_ms } of steps) {
    const next = step(state, event, now_ms);
    state = next.state;
    made += next.actions.length;
  }
  if (made !== actions) {
    throw coreBroken(`the same events gave ${actions} actions first and ${made} now`);
  }
}
