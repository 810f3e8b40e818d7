/** One agent a state folder: a second one would end the first one's VMs as leftovers. */
import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HotplaneError } from '../../base/errors.ts';
import { isAlive, readStartTicks } from '../../hypervisor-client/process.ts';

const LOCK_FILE = 'agent.json';
const ATTEMPTS = 3;

const lockSchema = z.object({ pid: z.number().int().positive(), pid_start_ticks: z.number() });

/** Takes the folder; the returned function gives it back. Throws HP_AGENT_STATE_DIR_IN_USE. */
export async function lockStateDir(state_dir: string): Promise<() => Promise<void>> {
  const path = join(state_dir, LOCK_FILE);
  const pid_start_ticks = (await readStartTicks(process.pid)) ?? 0;
  const text = `${JSON.stringify({ pid: process.pid, pid_start_ticks })}\n`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    if (await createFile(path, text)) return () => rm(path, { force: true });
    const holder = await readLock(path);
    if (holder && (await isAlive({ pid: holder.pid, start_ticks: holder.pid_start_ticks }))) {
      throw inUse(state_dir, holder.pid);
    }
    // Its agent is dead. Of two that get here at once, one creates the file and the other sees it.
    await rm(path, { force: true });
  }
  throw inUse(state_dir, null);
}

async function createFile(path: string, text: string): Promise<boolean> {
  try {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(text);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function readLock(path: string): Promise<z.infer<typeof lockSchema> | null> {
  try {
    return lockSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}

function inUse(state_dir: string, pid: number | null): HotplaneError {
  return new HotplaneError({
    code: 'HP_AGENT_STATE_DIR_IN_USE',
    category: 'conflict',
    message: `another agent${pid === null ? '' : ` (pid ${pid})`} uses ${state_dir}.`,
    next: 'stop it first, or name another --state-dir.',
    details: { pid },
  });
}
