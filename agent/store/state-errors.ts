/** What SQLite and the file system refuse, as errors of the agent's state. Pure. */
import { type HotplaneError, isHotplaneError } from '../../base/errors.ts';
import { errnoOf } from '../../base/system-error.ts';
import { agentError, type AgentErrorCode } from '../model/errors.ts';

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html, and what they mean here. */
const BY_RESULT: ReadonlyMap<number, AgentErrorCode> = new Map([
  [8, 'HP_AGENT_STATE_READ_ONLY'],
  [11, 'HP_AGENT_STATE_CORRUPT'],
  [13, 'HP_AGENT_STATE_FULL'],
  [14, 'HP_AGENT_STATE_READ_ONLY'],
  [23, 'HP_AGENT_STATE_READ_ONLY'],
  [26, 'HP_AGENT_STATE_CORRUPT'],
]);
/** The same of the file system's. */
const BY_SYSTEM_CODE: ReadonlyMap<string, AgentErrorCode> = new Map([
  ['ENOSPC', 'HP_AGENT_STATE_FULL'],
  ['EDQUOT', 'HP_AGENT_STATE_FULL'],
  ['EROFS', 'HP_AGENT_STATE_READ_ONLY'],
  ['EACCES', 'HP_AGENT_STATE_READ_ONLY'],
  ['EPERM', 'HP_AGENT_STATE_READ_ONLY'],
]);
/** Extended codes that say more than their primary one: SQLITE_IOERR_WRITE of a full disk. */
const RESULT_BITS = 0xff;

/** HP_AGENT_STATE_CORRUPT; `why` ends the sentence. */
export function corrupt(path: string, why: string, cause?: unknown): HotplaneError {
  return agentError('HP_AGENT_STATE_CORRUPT', `${path} cannot be understood: ${why}.`, {
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** `otherwise`: the code of what none is known for; absent: it is told as it is. */
export function stateError(
  path: string,
  error: unknown,
  otherwise?: 'HP_AGENT_STATE_LOST',
): unknown {
  if (!(error instanceof Error) || isHotplaneError(error)) return error;
  const sqlite_code = 'errcode' in error ? Number(error.errcode) : null;
  const system_code = errnoOf(error);
  if (sqlite_code === null && system_code === null && otherwise === undefined) return error;
  const known =
    sqlite_code === null
      ? BY_SYSTEM_CODE.get(system_code ?? '')
      : BY_RESULT.get(sqlite_code & RESULT_BITS);
  const code = known ?? otherwise ?? 'HP_AGENT_STATE_LOST';
  const message = `${path}: ${error.message.replace(/\.$/, '')}.`;
  return agentError(code, message, { cause: error, details: { path, sqlite_code, system_code } });
}
