/** One agent a state folder: a second one would end the first one's VMs as leftovers. */
import { join } from 'node:path';
import { z } from 'zod';
import type { HotplaneError } from '../../base/errors.ts';
import { agentError } from '../model/errors.ts';
import { tryLockFile } from '../../base/file-lock.ts';
import { isAlive, readStartTicks } from '../../base/process.ts';

/** The kernel's lock on it counts; its text names the holder for people. */
const LOCK_FILE = 'agent.json';

const lockSchema = z.object({ pid: z.number().int().positive(), pid_start_ticks: z.number() });

/** Takes the folder; the returned function gives it back. Throws HP_AGENT_STATE_DIR_IN_USE. */
export async function lockStateDir(state_dir: string): Promise<() => Promise<void>> {
  const pid_start_ticks = (await readStartTicks(process.pid)) ?? 0;
  const text = `${JSON.stringify({ pid: process.pid, pid_start_ticks })}\n`;
  const lock = await tryLockFile(join(state_dir, LOCK_FILE), text);
  if (typeof lock === 'string') throw inUse(state_dir, parseHolder(lock)?.pid ?? null);
  const earlier = parseHolder(lock.earlier_text);
  // Agents before this one wrote the file without locking it.
  if (earlier && earlier.pid !== process.pid && (await isAlive(earlier))) {
    await lock.release();
    throw inUse(state_dir, earlier.pid);
  }
  return () => lock.release();
}

function parseHolder(text: string): { pid: number; start_ticks: number } | null {
  try {
    const { pid, pid_start_ticks } = lockSchema.parse(JSON.parse(text));
    return { pid, start_ticks: pid_start_ticks };
  } catch {
    return null;
  }
}

function inUse(state_dir: string, pid: number | null): HotplaneError {
  return agentError(
    'HP_AGENT_STATE_DIR_IN_USE',
    `another agent${pid === null ? '' : ` (pid ${pid})`} uses ${state_dir}.`,
    { details: { pid } },
  );
}
