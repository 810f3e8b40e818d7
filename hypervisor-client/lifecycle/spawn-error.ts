/** Why a program could not be started: each cause with its own next step. */
import { errnoOf, systemError } from '../../base/system-error.ts';
import { vmmError } from '../errors.ts';

/** Not there, or nothing that runs: `next` says where to get it. */
const NOT_THERE: ReadonlySet<string | null> = new Set([null, 'ENOENT', 'ENOTDIR', 'ENOEXEC']);
const NOT_ALLOWED: ReadonlySet<string | null> = new Set(['EACCES', 'EPERM']);
const NO_ROOM: ReadonlySet<string | null> = new Set(['ENOMEM', 'EAGAIN']);

/**
 * HP_VMM_MISSING only when the program is what is missing; else HP_VMM_DENIED, HP_VMM_NO_PROCESS,
 * or the error of the system (too many open files, full disk).
 */
export function spawnError(program: string, cause: unknown, next: string): Error {
  const errno = errnoOf(cause);
  const why = errno === null ? '' : `: ${errno}`;
  if (NOT_THERE.has(errno)) {
    return vmmError('HP_VMM_MISSING', `${program} cannot be run${why}.`, { cause, next });
  }
  if (NOT_ALLOWED.has(errno)) {
    return vmmError('HP_VMM_DENIED', `${program} may not be run by this user${why}.`, { cause });
  }
  if (NO_ROOM.has(errno)) {
    return vmmError('HP_VMM_NO_PROCESS', `no process for ${program}${why}.`, { cause });
  }
  const told = systemError(cause);
  return (
    told ?? vmmError('HP_VMM_START_FAILED', `${program} could not be started${why}.`, { cause })
  );
}
