/**
 * Users and groups of this host by name, from its own files: what a directory service knows
 * besides is not asked, so nothing here waits for a network.
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** The number in the third field of the line of that name; null: there is none. */
function idIn(file: string, name: string): number | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return null;
  }
  for (const line of text.split('\n')) {
    const [found, , id = ''] = line.split(':');
    if (found === name && /^\d+$/.test(id)) return Number(id);
  }
  return null;
}

/** Null: there is no such user. */
export const uidOf = (name: string): number | null => idIn('/etc/passwd', name);

/** By name or number; null: there is no such group. */
export const gidOf = (group: string): number | null =>
  /^\d+$/.test(group) ? Number(group) : idIn('/etc/group', group);

/** Who runs this: by number where the user has no entry, as in many containers. */
export function ourName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Whom an agent that is a service runs as, where a client is not told otherwise. */
const SERVICE_USER = 'hotplane';

/**
 * The user an agent may run as that is a service of this host: $HOTPLANE_SERVICE_USER, else
 * `hotplane`; null: this host has none. Only root can have made it.
 */
export function serviceUid(env: NodeJS.ProcessEnv = process.env): number | null {
  const { HOTPLANE_SERVICE_USER = '' } = env;
  return uidOf(HOTPLANE_SERVICE_USER === '' ? SERVICE_USER : HOTPLANE_SERVICE_USER);
}
