/** Who may call the agent, by its configuration. */
import { resolve } from 'node:path';
import { parseNetworkAddress } from '../../agent/api/address.ts';
import type { UserRoles, Users } from '../../agent/api/peers.ts';
import type { SocketAccess } from '../../agent/api/socket.ts';
import type { TlsSettings } from '../../agent/daemon.ts';
import { agentError } from '../../agent/model/errors.ts';
import { gidOf } from '../../base/users.ts';
import type { Values } from '../values.ts';
import { namesOf, userOrGroup } from './kinds.ts';

const OWNER_AND_GROUP = 0o660;
const OWNER = 0o600;

export interface PeerSettings {
  readonly socket_access: SocketAccess;
  readonly socket_users?: UserRoles;
  readonly read_socket?: { readonly path: string; readonly access: SocketAccess };
  readonly tls?: TlsSettings;
}

/** Throws HP_AGENT_TLS where a file is missing in the configuration. */
export function peersOf(values: Values): PeerSettings {
  const address = parseNetworkAddress(values.text('tls-listen'));
  const read_path = values.optional('read-socket');
  const group = values.optional('read-group');
  const access = group === undefined ? { gid: null, mode: OWNER } : groupAccess(group);
  const socket_users = userRoles(values);
  return {
    socket_access: socketAccess(values),
    ...(socket_users ? { socket_users } : {}),
    ...(read_path === undefined ? {} : { read_socket: { path: resolve(read_path), access } }),
    ...(address ? { tls: tlsOf(values, address) } : {}),
  };
}

const groupAccess = (group: string): SocketAccess => ({
  gid: gidOf(group),
  mode: OWNER_AND_GROUP,
});

/** Who may connect besides our own user. */
function socketAccess(values: Values): SocketAccess {
  const group = values.optional('socket-group');
  const mode = Number.parseInt(values.text('socket-mode'), 8);
  return { mode, gid: group === undefined ? null : gidOf(group) };
}

/** Null: neither key has a value, and users are not told apart. */
function userRoles(values: Values): UserRoles | null {
  const [read, write] = [values.optional('socket-read'), values.optional('socket-write')];
  if (read === undefined && write === undefined) return null;
  return { read: usersOf(read ?? ''), write: usersOf(write ?? '') };
}

function usersOf(text: string): Users {
  const found = namesOf(text).map(userOrGroup);
  return {
    uids: found.flatMap((one) => (one && 'uid' in one ? [one.uid] : [])),
    gids: found.flatMap((one) => (one && 'gid' in one ? [one.gid] : [])),
  };
}

function tlsOf(values: Values, address: TlsSettings['address']): TlsSettings {
  const fileOf = (name: string): string => {
    const path = values.optional(name);
    if (path !== undefined) return resolve(path);
    throw agentError('HP_AGENT_TLS', `--tls-listen is given, and --${name} is not.`);
  };
  const names = (name: string): string[] => namesOf(values.optional(name) ?? '').filter(Boolean);
  return {
    address,
    files: {
      key: fileOf('tls-key'),
      certificate: fileOf('tls-certificate'),
      authority: fileOf('tls-authority'),
    },
    roles: { read: names('tls-read'), write: names('tls-write') },
  };
}
