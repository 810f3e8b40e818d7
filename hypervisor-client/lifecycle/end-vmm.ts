/** The end of a VMM's process, for those who cannot go on while it runs. */
import type { Clock } from '../../base/clock.ts';
import { endProcess, type ProcessIdentity } from '../../base/process.ts';
import { vmmError } from '../errors.ts';

/** Ends the process as {@link endProcess} does; throws HP_VMM_WONT_END when it would not. */
export async function endVmm(
  identity: ProcessIdentity,
  clock: Clock,
  grace_ms: number,
): Promise<void> {
  if (await endProcess(identity, clock, grace_ms)) return;
  throw vmmError('HP_VMM_WONT_END', `Process ${identity.pid} did not end.`, {
    details: { ...identity },
  });
}
