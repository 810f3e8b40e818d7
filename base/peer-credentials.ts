/**
 * Who is at the other end of a Unix socket, by the kernel's word: it notes user, groups and process
 * of whoever connects, at that moment, and no peer can change it (unix(7), SO_PEERCRED). Node does
 * not tell it, so libc is asked through a library.
 */
import type { Socket } from 'node:net';
import { z } from 'zod';

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  /** All of its groups, the first one too. */
  readonly gids: readonly number[];
}

/** Null: the socket has no peer whom the kernel knows, e.g. it is closed. */
export type ReadPeer = (socket: Socket) => PeerCredentials | null;

/** Of Linux, on machines of those two kinds; others number them otherwise. */
const MACHINES: readonly string[] = ['x64', 'arm64'];
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;

/** Three numbers of 32 bits: process, user, group. */
const CREDENTIALS_BYTES = 12;
/** NGROUPS_MAX of Linux, 65,536 groups of 4 bytes: nobody has more. */
const GROUPS_BYTES = 4 * 65_536;

type GetSockOpt = (
  fd: number,
  level: number,
  option: number,
  value: Buffer,
  size: Buffer,
) => number;

/** Opens the way to the kernel's word; null: there is none on this host. */
export async function openPeerReader(): Promise<ReadPeer | null> {
  if (process.platform !== 'linux' || !MACHINES.includes(process.arch)) return null;
  try {
    const { default: koffi } = await import('koffi');
    const prototype = 'int getsockopt(int fd, int level, int option, void *value, void *size)';
    const getsockopt: GetSockOpt = koffi.load(null).func(prototype);
    return (socket) => readPeer(getsockopt, socket);
  } catch {
    // No build of the library for this C library, or it was not installed.
    return null;
  }
}

function readPeer(getsockopt: GetSockOpt, socket: Socket): PeerCredentials | null {
  const fd = fdOf(socket);
  if (fd === null) return null;
  const read = (option: number, bytes: number): Buffer | null => {
    const value = Buffer.alloc(bytes);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(bytes);
    const failed = getsockopt(fd, SOL_SOCKET, option, value, size) !== 0;
    return failed ? null : value.subarray(0, size.readUInt32LE());
  };
  const found = read(SO_PEERCRED, CREDENTIALS_BYTES);
  if (found?.length !== CREDENTIALS_BYTES) return null;
  // Who has no groups beside his own has none there; an old kernel does not tell them.
  const others = read(SO_PEERGROUPS, GROUPS_BYTES) ?? Buffer.alloc(0);
  const gids = new Set([found.readUInt32LE(8)]);
  for (let at = 0; at < others.length; at += 4) gids.add(others.readUInt32LE(at));
  return { pid: found.readInt32LE(0), uid: found.readUInt32LE(4), gids: [...gids] };
}

const handleSchema = z.object({ fd: z.number().int().nonnegative() });

/** Node tells the number of a socket that it has open by no other name. */
function fdOf(socket: Socket): number | null {
  const found = handleSchema.safeParse(Reflect.get(socket, '_handle'));
  return found.success ? found.data.fd : null;
}
