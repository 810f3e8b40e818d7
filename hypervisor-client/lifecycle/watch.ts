/** Tells when a server that is not our child has ended: an idle connection of ours closes. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { VMM_LIMITS } from '../limits.ts';
import { isAlive, type ProcessIdentity, waitForEnd } from '../../base/process.ts';

/** Resolves when the process is gone; rejects only when `signal` aborts. */
export async function waitUntilGone(
  identity: ProcessIdentity,
  socket_path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (await isAlive(identity)) {
    signal.throwIfAborted();
    const socket = connect(socket_path);
    socket.resume();
    try {
      await once(socket, 'close', { signal });
    } catch (error) {
      if (signal.aborted) throw error;
    } finally {
      socket.destroy();
    }
    // A close without an end is rare (ten connections, a server on its way out): look and go on.
    await waitForEnd(identity, clock, VMM_LIMITS.watch_again_ms);
  }
}
