import { type CodeInfo, errorMaker, type HotplaneError } from '../../base/errors.ts';

export const SIMULATE_CODES = {
  HP_SIMULATE_OPTION: {
    category: 'usage',
    meaning: 'Options of a simulation are not what they should be, or do not go together.',
    next: "see 'hotplane simulate --help'.",
  },
  HP_SIMULATE_CALIBRATION: {
    category: 'usage',
    meaning: 'A result folder tells too little of a mechanism to make a model of it.',
    next: 'name a folder of a replay in which the mechanism plugged and unplugged.',
  },
  HP_SIMULATE_INTERRUPTED: {
    category: 'interrupted',
    meaning: 'A signal ended the simulation; nothing was written.',
    next: 'run it again.',
  },
} as const satisfies Record<string, CodeInfo>;

const simulateError = errorMaker<keyof typeof SIMULATE_CODES>(SIMULATE_CODES);

/** `problem` ends the sentence that begins with the option. */
export function badSimulateOption(option: string, problem: string): HotplaneError {
  return simulateError('HP_SIMULATE_OPTION', `--${option} ${problem}.`);
}

export function calibrationMissing(folder: string, mechanism: string): HotplaneError {
  const message = `${folder} has no finished plug and unplug of ${mechanism}.`;
  return simulateError('HP_SIMULATE_CALIBRATION', message, { details: { folder, mechanism } });
}

export function simulateInterrupted(): HotplaneError {
  return simulateError('HP_SIMULATE_INTERRUPTED', 'the simulation was interrupted.');
}
