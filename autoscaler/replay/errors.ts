import { type CodeInfo, errorMaker, HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { agentError } from '../../agent/model/errors.ts';

export const REPLAY_CODES = {
  HP_REPLAY_OPTION: {
    category: 'usage',
    meaning: 'An option of the replay does not hold.',
    next: 'see `hotplane replay --help` for what each option takes.',
  },
  HP_REPLAY_FROM: {
    category: 'usage',
    also: ['conflict'],
    meaning:
      'The folder of --from cannot be run again: it kept no options, or its trace is another (`conflict`).',
    next: 'run `hotplane replay` with the options of its manifest (`command`) instead of --from.',
  },
  HP_REPLAY_ROUNDS: {
    category: 'conflict',
    meaning: 'The folder of --out holds rounds that were replayed with other options.',
    next: 'name another folder with --out, or give the options that its rounds had.',
  },
  HP_REPLAY_RUN_FOLDER: {
    category: 'usage',
    meaning: 'Sockets of the private agent would have paths that are too long.',
    next: 'set HOTPLANE_RUNTIME_DIR to a folder of yours with a shorter path.',
  },
  HP_REPLAY_AGENT_START: {
    category: 'unavailable',
    meaning: 'The private agent did not start.',
    next: 'read the log that the message names.',
  },
  HP_REPLAY_CALIBRATE: {
    category: 'failure',
    meaning: 'A real program could not be measured before the run, which therefore did not begin.',
    next: 'read the log of the agent, or replay emulated calls (--work emulated).',
  },
  HP_REPLAY_SPEEDUP: {
    category: 'failure',
    meaning:
      '`--speedup auto` chose none: its calibration failed, or this host cannot carry the trace.',
    next: 'say a speed-up (--speedup S), or replay fewer functions or less memory.',
  },
  HP_REPLAY_AGENT: {
    category: 'failure',
    meaning: 'A call to the agent failed and ended the run of a mechanism.',
    next: 'read the log of the agent, then run the replay again.',
  },
  HP_REPLAY_UNRECORDED: {
    category: 'unavailable',
    meaning:
      'Results could not be written any more, which ended the replay; those before are kept.',
    next: 'free space on the disk of --out, then run it again with another --out.',
  },
  HP_REPLAY_INTERRUPTED: {
    category: 'interrupted',
    meaning: 'The replay was interrupted; what was measured is kept and marked.',
    next: 'run it again with another --out, or read what is there with `hotplane report`.',
  },
  HP_REPLAY_INVOKE: {
    category: 'failure',
    meaning: 'In records: an invocation could not be sent, or its reply was none.',
    next: 'see the log of the agent.',
  },
  HP_REPLAY_IN_FLIGHT: {
    category: 'interrupted',
    meaning: 'In records: the run was interrupted while the invocation was on its way.',
    next: 'run it again.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
const replayError = errorMaker<keyof typeof REPLAY_CODES>(REPLAY_CODES);

/** An option of `hotplane replay` that does not hold. */
export function badReplayOption(option: string, value: string, problem: string): HotplaneError {
  return replayError(
    'HP_REPLAY_OPTION',
    `--${option}${value === '' ? '' : ` ${value}`}: ${problem}.`,
    { details: { option, value } },
  );
}

/** The agent we were to start did not come up. */
export function agentNotUp(log_path: string, reason: string, cause?: unknown): HotplaneError {
  return replayError(
    'HP_REPLAY_AGENT_START',
    `the agent for this replay did not start: ${reason}.`,
    { next: `read its log ${log_path}.`, cause, details: { log_path } },
  );
}

/** The private agent would have no sockets: told before anything is started. */
export function runFolderTooLong(runtime_dir: string, trouble: string): HotplaneError {
  return replayError(
    'HP_REPLAY_RUN_FOLDER',
    `the agent for this replay cannot live in ${runtime_dir}: ${trouble}.`,
    { details: { runtime_dir } },
  );
}

/** Nobody answers on the socket of --agent. */
export function agentNotThere(socket_path: string, cause: unknown): HotplaneError {
  return agentError('HP_AGENT_UNREACHABLE', `no agent answers on ${socket_path}.`, {
    next: "start one with 'hotplane agent', or leave --agent out: replay then starts its own.",
    cause,
    details: { socket_path },
  });
}

/** The same, after what it said was told and its log went with the folder. */
export function agentSpoke(error: HotplaneError): HotplaneError {
  const { code, category, message, cause } = error;
  const next = "read above what it said; 'hotplane agent' by itself says the same.";
  return new HotplaneError({ code, category, message, next, cause });
}

/** A function that the agent would not have; the code is the agent's own. */
export function notDeployed(mechanism: string, name: string, cause: unknown): unknown {
  if (!isHotplaneError(cause)) return cause;
  const { code, category, message: why, next, details } = cause;
  const message = `${mechanism}: '${name}' was not deployed: ${why}`;
  const about = { ...details, mechanism, function: name };
  return new HotplaneError({ code, category, message, next, cause: cause.cause, details: about });
}

/** A call to the agent failed in a way that ends the run of this mechanism. */
export function agentLost(mechanism: string, doing: string, cause: unknown): HotplaneError {
  return replayError('HP_REPLAY_AGENT', `${mechanism}: the agent failed at ${doing}.`, {
    cause,
    details: { mechanism, doing },
  });
}

/** Ctrl-C, or a signal to end. */
export function interrupted(out: string): HotplaneError {
  return replayError(
    'HP_REPLAY_INTERRUPTED',
    `the replay was interrupted; the results so far are in ${out}, marked as such.`,
    { details: { out } },
  );
}

/**
 * A result file that cannot be written, `cause`: the disk is full, or takes nothing otherwise.
 * `is_marked` null: there was nothing to be marked yet.
 */
export function unrecorded(out: string, is_marked: boolean | null, cause: unknown): HotplaneError {
  const file = isHotplaneError(cause) ? cause.details['path'] : null;
  const path = typeof file === 'string' ? file : out;
  const marked = is_marked ? ', marked as failed' : ', and could not be marked';
  return replayError(
    'HP_REPLAY_UNRECORDED',
    `the replay ended, for ${path} cannot be written; the results so far are kept` +
      `${is_marked === null ? '' : marked}.`,
    {
      next: `free space there, then run it again with another --out; 'hotplane report ${out}' tells what is kept.`,
      cause: isHotplaneError(cause) ? cause.cause : cause,
      details: { out, path, is_marked },
    },
  );
}

/** Whether it ended a replay because its results could not be written. */
export function isUnrecorded(error: unknown): boolean {
  return isHotplaneError(error) && error.code === 'HP_REPLAY_UNRECORDED';
}

/** Ctrl-C between or within rounds: the complete ones are kept. */
export function interruptedRounds(out: string, done: number, of: number): HotplaneError {
  return replayError(
    'HP_REPLAY_INTERRUPTED',
    `the replay was interrupted; ${done} of ${of} rounds are complete in ${out}.`,
    { next: 'the same command again goes on with the next round.', details: { out, done, of } },
  );
}

/** Rounds of another run are not gone on with. */
export function otherRounds(folder: string, difference: string): HotplaneError {
  return replayError('HP_REPLAY_ROUNDS', `${folder} is a round of another run: ${difference}.`, {
    details: { folder },
  });
}

/** The folder of `--from` was written by a version that kept no options. */
export function noOptionsKept(folder: string): HotplaneError {
  return replayError('HP_REPLAY_FROM', `${folder} does not say with which options it was made.`, {
    details: { folder },
  });
}

/** The trace has changed since the run that is to be repeated. */
export function otherTrace(folder: string, path: string, then: string, now: string): HotplaneError {
  return replayError(
    'HP_REPLAY_FROM',
    `${path} is not the trace of ${folder}: its SHA-256 is ${now}, it was ${then}.`,
    {
      category: 'conflict',
      next: 'name the same file with --trace; naming another one there makes another run, marked so.',
      details: { folder, path, sha256: now, sha256_then: then },
    },
  );
}

/** Ctrl-C before an agent answered. */
export function interruptedEarly(): HotplaneError {
  return replayError(
    'HP_REPLAY_INTERRUPTED',
    'the replay was interrupted before anything was measured; nothing was written.',
    { next: 'run it again.' },
  );
}

/** A manifest that could not be read back would make the whole run worth nothing. */
export function cannotBeRecorded(field: string, problem: string): HotplaneError {
  return replayError(
    'HP_REPLAY_OPTION',
    `the results of this run could not be read again: ${field}: ${problem}.`,
    {
      next: 'give shorter values; autoscaler/results/README.md says what the manifest holds.',
      details: { field },
    },
  );
}

export function notCalibrated(name: string, size: number, reason: string): HotplaneError {
  const message = `${name}: a call of size ${size} was not measured: ${reason}.`;
  return replayError('HP_REPLAY_CALIBRATE', message);
}

/** The calibration of --speedup auto came to no end. */
export function speedupNotMeasured(reason: string, cause?: unknown): HotplaneError {
  const message = `--speedup auto: what this host can carry was not measured: ${reason}.`;
  return replayError('HP_REPLAY_SPEEDUP', message, { cause });
}

/** Even at the trace's own speed it is too much. `demand` says what it asks for. */
export function nothingCarried(demand: string): HotplaneError {
  const message = `--speedup auto: even at the trace's own speed ${demand}.`;
  return replayError('HP_REPLAY_SPEEDUP', message);
}
