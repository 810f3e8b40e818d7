import { mkdir, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { HotplaneError } from '../../base/errors.ts';

/**
 * Longest path of a Unix socket on Linux (sun_path) is 107 bytes; the socket is bound in a folder
 * beside its place first (server.ts), whose name may be longer than the socket's.
 */
const SOCKET_PATH_BYTES_MAX = 95;

/**
 * Makes sure that `path` can be bound: nobody listens there, nothing stale is left, folder 0700.
 */
export async function claimSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw socketError('usage', `the path ${path} has more than ${SOCKET_PATH_BYTES_MAX} bytes.`);
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const found = await stat(path).catch(() => null);
  if (!found) return;
  if (!found.isSocket()) throw socketError('conflict', `${path} exists and is not a socket.`);
  if (await answers(path)) {
    throw new HotplaneError({
      code: 'HP_AGENT_SOCKET_IN_USE',
      category: 'conflict',
      message: `another agent listens on ${path}.`,
      next: 'stop it first, or name another --socket and --state-dir.',
    });
  }
  await rm(path, { force: true });
}

function socketError(category: 'usage' | 'conflict', message: string): HotplaneError {
  return new HotplaneError({
    code: 'HP_AGENT_SOCKET',
    category,
    message,
    next: 'name another --socket.',
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
