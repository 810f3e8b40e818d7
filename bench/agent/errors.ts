import type { HotplaneError } from '../../base/errors.ts';
import { benchError } from '../errors.ts';

/** The agent under measurement, or a call to it, broke. */
export function agentBenchBroken(problem: string): HotplaneError {
  return benchError('HP_BENCH_AGENT', `the agent could not be measured: ${problem}`);
}

/** A signal ended the run. Nothing of it is kept. */
export function agentBenchInterrupted(): HotplaneError {
  return benchError('HP_BENCH_INTERRUPTED', 'the bench was interrupted.');
}
