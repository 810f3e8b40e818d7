import { HotplaneError } from '../../base/errors.ts';

/** A core under measurement did not do the workload: its figures would be those of refusals. */
export function coreBroken(problem: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_CORE',
    category: 'failure',
    message: `the core could not be measured: ${problem}`,
    next: 'run its tests: ava test/agent/core/*.test.ts',
  });
}

/** A signal ended the run. Nothing of it is kept. */
export function coreBenchInterrupted(): HotplaneError {
  return new HotplaneError({
    code: 'HP_BENCH_INTERRUPTED',
    category: 'interrupted',
    message: 'the bench was interrupted.',
    next: 'run it again; what was measured so far is not kept.',
  });
}
