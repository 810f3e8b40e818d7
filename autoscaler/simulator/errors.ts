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
  HP_SIMULATE_NOT_RECORDED: {
    category: 'usage',
    meaning:
      'A result folder does not tell what its agent was told, so that it could be played again.',
    next: 'name a folder of a replay that started its own agent, made by this version.',
  },
  HP_SIMULATE_DIFFERENT: {
    category: 'failure',
    meaning: 'Played again, the agent decides otherwise than it was recorded.',
    next: 'compare the versions of hotplane; with the same one this is a bug: report it with the folder.',
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

/** `problem` ends the sentence that begins with the folder. */
export function notRecorded(folder: string, problem: string): HotplaneError {
  return simulateError('HP_SIMULATE_NOT_RECORDED', `${folder} ${problem}.`, {
    details: { folder },
  });
}

/** A run of several agents has no events: one core alone can be told them again. */
export function checkOneAgent(
  folder: string,
  { options }: { readonly options: Readonly<Record<string, string>> | null },
): void {
  const agents = agentsOf(options);
  if (agents > 1) throw notRecorded(folder, `is of ${agents} agents, and one can be played again`);
}

/** How many agents a live run had, by its options. */
export function agentsOf(options: Readonly<Record<string, string>> | null): number {
  return Number(options?.['agents'] ?? 1);
}

export function decidesOtherwise(folder: string, line: number): HotplaneError {
  const message = `the decisions of ${folder} are others from line ${line} of decisions.jsonl on.`;
  return simulateError('HP_SIMULATE_DIFFERENT', message, { details: { folder, line } });
}

export function simulateInterrupted(): HotplaneError {
  return simulateError('HP_SIMULATE_INTERRUPTED', 'the simulation was interrupted.');
}
