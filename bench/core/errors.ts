import type { HotplaneError } from '../../base/errors.ts';
import { benchError } from '../errors.ts';

/** A core under measurement did not do the workload: its figures would be those of refusals. */
export function coreBroken(problem: string): HotplaneError {
  return benchError('HP_BENCH_CORE', `the core could not be measured: ${problem}`);
}

/** A signal ended the run. Nothing of it is kept. */
export function coreBenchInterrupted(): HotplaneError {
  return benchError('HP_BENCH_INTERRUPTED', 'the bench was interrupted.');
}
