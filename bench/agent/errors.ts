import { HotplaneError } from '../../base/errors.ts';

/** The agent under measurement, or a call to it, broke. */
export function agentBenchBroken(problem: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_AGENT',
    category: 'failure',
    message: `the agent could not be measured: ${problem}`,
    next: 'run it again; if it stays, report it.',
  });
}

/** A signal ended the run. Nothing of it is kept. */
export function agentBenchInterrupted(): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_INTERRUPTED',
    category: 'interrupted',
    message: 'the bench was interrupted.',
    next: 'run it again; what was measured so far is not kept.',
  });
}
