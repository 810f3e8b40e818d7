/**
 * VMs of private agents and of benches that were killed together with whoever watched over them:
 * no other agent comes into their folders, so the next one of the same user does.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { namesIn } from '../../base/files.ts';
import { isOwnedName, OWNER_FILE, ownFolder } from '../../base/owned-folder.ts';
import type { Hypervisor } from '../../hypervisor-client/vm.ts';
import type { EarlierVm } from '../model/state.ts';
import { refusalOf } from '../model/failure.ts';
import { endLeftovers } from './leftovers.ts';
import { lockStateDir } from '../store/lock.ts';

/** State folder of the agent in a private folder; the folders of its VMs, or of a bench's. */
const STATE = 's';

export interface OrphanOptions {
  readonly runtime_dir: string;
  readonly drivers: readonly Hypervisor[];
  readonly log: Logger;
}

/** Ends them and removes their folders. Returns those that could not be ended. Never throws. */
export async function endOrphans(options: OrphanOptions): Promise<readonly EarlierVm[]> {
  const { runtime_dir, log } = options;
  const names = await namesIn(runtime_dir).catch((error: unknown) => {
    log.warn({ path: runtime_dir, err: refusalOf(error) }, 'cannot look for VMs of killed runs');
    return [];
  });
  const ends = names
    .filter((name) => isOwnedName(name) && existsSync(join(runtime_dir, name, OWNER_FILE)))
    .map(async (name) => {
      try {
        return await endFolder(join(runtime_dir, name), options);
      } catch (error) {
        const path = join(runtime_dir, name);
        log.debug({ path, err: refusalOf(error) }, 'a private folder is left alone');
        return [];
      }
    });
  return (await Promise.all(ends)).flat();
}

async function endFolder(
  path: string,
  { drivers, log }: OrphanOptions,
): Promise<readonly EarlierVm[]> {
  const folder = await ownFolder(path);
  if (!folder) return [];
  const state_dir = join(path, STATE);
  const is_agent = existsSync(state_dir);
  // A private agent outlives its owner while it ends its VMs.
  await using held = new AsyncDisposableStack();
  held.defer(() => folder.leave());
  if (is_agent) held.defer(await lockStateDir(state_dir));
  const vms_dir = is_agent ? join(state_dir, 'vms') : path;
  const { ended, remaining } = await endLeftovers({ vms_dir, drivers, log });
  if (remaining.length > 0) return remaining;
  await folder.remove();
  log.warn({ path, ended }, 'removed the folder of a run that was killed');
  return [];
}
