/**
 * Whether a folder or socket is one that only we (and root) can have put there. Everything else is
 * refused: a name in a folder that others may write is a name that others may take.
 */
import { lstatSync, type Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HotplaneError } from './errors.ts';
import { baseError } from './codes.ts';
import { makeFolder } from './make-folder.ts';
import { errnoOf } from './system-error.ts';
import { serviceUid } from './users.ts';

/** `sun_path` of sockaddr_un is 108 bytes with its end mark (unix(7)). */
const SOCKET_PATH_BYTES_MAX = 107;

/** What is wrong with `path` as the address of a Unix socket, or null. Pure. */
export function socketPathTrouble(path: string): string | null {
  const bytes = Buffer.byteLength(path);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return null;
  return `the path ${path} has ${bytes} bytes, and a Unix socket takes ${SOCKET_PATH_BYTES_MAX}`;
}

/**
 * Throws HP_AGENT_SOCKET when no socket can have that path, which a system call tells less well.
 */
export function checkSocketPath(path: string): void {
  const trouble = socketPathTrouble(path);
  if (trouble === null) return;
  throw baseError('HP_AGENT_SOCKET', `${trouble}.`, {
    next: 'name another --socket with a shorter path, in a folder that is yours.',
    details: { path, bytes_max: SOCKET_PATH_BYTES_MAX },
  });
}

/** Who we are to the file system; 0 where there are no users. */
export const ourUid = (): number => process.geteuid?.() ?? 0;

/** `shared`: a folder such as /tmp will do, where nobody can move what is another's (sticky). */
export type FolderRule = 'ours' | 'shared';

type Facts = Pick<Stats, 'uid' | 'mode'> & {
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
  isSocket(): boolean;
};

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** What is wrong with a folder, as the end of a sentence about it; null: nothing. Pure. */
function folderTrouble(facts: Facts, uid: number, rule: FolderRule): string | null {
  if (facts.isSymbolicLink()) return 'is a symbolic link';
  if (!facts.isDirectory()) return 'is not a folder';
  if (facts.uid !== uid && facts.uid !== 0) return belongsTo(facts.uid, uid);
  const bits = facts.mode & WRITABLE_BY_OTHERS;
  if (bits === 0 || (rule === 'shared' && (facts.mode & STICKY) !== 0)) return null;
  return mayBeWritten(facts.mode);
}

/** What is wrong with a socket that we are to talk to; null: nothing. Pure. */
function socketTrouble(facts: Facts, uid: number, service_uid: number | null): string | null {
  if (!facts.isSocket()) return 'is not a socket';
  if (facts.uid === uid || facts.uid === 0 || facts.uid === service_uid) return null;
  return belongsTo(facts.uid, uid);
}

/** Makes the folder (mode 0700) where it is missing. Throws HP_PATH_UNSAFE. */
export async function ensureSafeFolder(path: string, rule: FolderRule = 'ours'): Promise<void> {
  if (!(await factsOf(path))) await makeFolder(path, { mode: 0o700 });
  await checkFolder(path, rule);
}

/** Throws HP_PATH_UNSAFE, or the system's error when the folder cannot be looked at. */
async function checkFolder(path: string, rule: FolderRule = 'ours'): Promise<void> {
  // A shared folder is the system's, and may have two names (/var/run); ours has one.
  const place = rule === 'shared' ? await realpath(path) : path;
  const wrong = folderTrouble(await lstat(place), ourUid(), rule);
  if (wrong !== null) throw unsafe(path, wrong, nextFor(path, wrong));
}

/**
 * Throws HP_AGENT_SOCKET when the path is too long, HP_PATH_UNSAFE when whoever listens at `path`
 * may be somebody else than the agent it should be: we, root, or the user of the service (see
 * {@link serviceUid}) have put the socket there, and nobody else can have. Nothing there is no
 * trouble.
 */
export async function checkSocketToTalkTo(path: string): Promise<void> {
  checkSocketPath(path);
  const facts = await factsOf(path);
  if (!facts) return;
  const next = 'name the socket of an agent of your own, or run this as the user it belongs to.';
  const wrong = socketTrouble(facts, ourUid(), serviceUid());
  if (wrong !== null) throw unsafe(path, wrong, next);
  if (facts.uid === ourUid() || facts.uid === 0) return await checkFolder(dirname(path), 'shared');
  await checkWay(await realpath(dirname(path)), facts.uid);
}

/** Every folder on the way to a socket of the service is root's, the service's or our own. */
async function checkWay(folder: string, service_uid: number): Promise<void> {
  for (let place = folder; ; place = dirname(place)) {
    const facts = await lstat(place);
    const uid = facts.uid === service_uid ? service_uid : ourUid();
    const wrong = folderTrouble(facts, uid, 'shared');
    if (wrong !== null) throw unsafe(place, wrong, nextFor(place, wrong));
    if (place === dirname(place)) return;
  }
}

/**
 * Throws HP_PATH_UNSAFE for a file that somebody else than we or root may write, or put there, or
 * the system's error when it is missing. A link counts as what it leads to.
 */
export async function checkOwnFile(path: string): Promise<void> {
  const { uid, mode } = await stat(path);
  if (uid !== ourUid() && uid !== 0) {
    throw unsafe(path, belongsTo(uid, ourUid()), 'name a file of your own.');
  }
  if ((mode & WRITABLE_BY_OTHERS) === 0) return;
  throw unsafe(path, mayBeWritten(mode), nextFor(path, mayBeWritten(mode)));
}

/** A folder that is there and ours; for a choice between places. */
export function isOurFolder(path: string): boolean {
  try {
    const facts = lstatSync(path);
    return facts.uid === ourUid() && folderTrouble(facts, ourUid(), 'ours') === null;
  } catch {
    return false;
  }
}

async function factsOf(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function belongsTo(uid: number, ours: number): string {
  return `belongs to user ${uid}, not to you (${ours}) or root`;
}

const mayBeWritten = (mode: number): string => `may be written by others (mode ${octal(mode)})`;

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

function nextFor(path: string, wrong: string): string {
  if (wrong.startsWith('may be written')) return `run: chmod go-w '${path}', or name another.`;
  if (wrong.startsWith('is a symbolic link')) return 'name the folder itself.';
  return 'name a folder of your own.';
}

function unsafe(path: string, wrong: string, next: string): HotplaneError {
  return baseError('HP_PATH_UNSAFE', `${path} ${wrong}.`, { next, details: { path } });
}
