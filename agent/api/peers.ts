/** Who calls, and what he may do. */
import type { PeerCertificate } from 'node:tls';
import type { HotplaneError } from '../../base/errors.ts';
import type { PeerCredentials } from '../../base/peer-credentials.ts';
import { agentError } from '../model/errors.ts';
import type { Role } from '../model/methods.ts';

/** A peer: what he may do, and what he is called where that is known. */
export interface Peer {
  readonly name: string;
  /** Null: nothing. */
  readonly role: Role | null;
  /** Whether somebody else says who he is: of a caller of unknown user nobody does. */
  readonly known_by: 'certificate' | 'kernel' | null;
}

/**
 * Who is written down as the author of a change. What a certificate says goes before his own word;
 * several people may share a user, so that his word stands before what the kernel says.
 */
export function authorOf({ name, known_by }: Peer, claimed: string): string {
  if (known_by === null) return claimed;
  return known_by === 'certificate' || claimed === '' ? name : `${claimed} (${name})`;
}

/** What is known of the connection of a call. */
export interface Connection {
  /** Only where it was verified. */
  readonly certificate: { readonly subject: Partial<PeerCertificate['subject']> } | null;
  /** What the server's side of it calls the other side. */
  readonly remote: string;
}

/** Finds out who it is that calls. */
export type PeerOf = (connection: Connection) => Peer;

/** Users and groups of this host, by number. */
export interface Users {
  readonly uids: readonly number[];
  readonly gids: readonly number[];
}

/** Users by what they may do over a Unix socket; who is in both may do both. */
export interface UserRoles {
  readonly read: Users;
  readonly write: Users;
}

/** What whoever comes over one Unix socket may do. */
export interface SocketRights {
  /** Nobody may do more there. */
  readonly most: Role;
  /** Null: the kernel has decided who may connect, and all of them may do the same. */
  readonly users: UserRoles | null;
  /** The user of the agent; he and root may do all that may be done there. */
  readonly our_uid: number;
}

/** Whose user, or its absence, is not known. */
const UNKNOWN_USER = 'of the socket';

/** Who a connection over a Unix socket is, by what the kernel says; null: it says nothing. */
export function localPeer(rights: SocketRights, found: PeerCredentials | null): Peer {
  const { most, users } = rights;
  if (!found) return { name: UNKNOWN_USER, role: users ? null : most, known_by: null };
  const allowed = users ? roleAmong(users, rights.our_uid, found) : most;
  const role = allowed === 'write' ? most : allowed;
  return { name: `uid:${found.uid}`, role, known_by: 'kernel' };
}

function roleAmong(
  { read, write }: UserRoles,
  our_uid: number,
  peer: PeerCredentials,
): Role | null {
  if (peer.uid === 0 || peer.uid === our_uid || isAmong(write, peer)) return 'write';
  return isAmong(read, peer) ? 'read' : null;
}

const isAmong = ({ uids, gids }: Users, peer: PeerCredentials): boolean =>
  uids.includes(peer.uid) || peer.gids.some((gid) => gids.includes(gid));

/** Names of certificates, by what their owners may do; who is in both may do both. */
export interface CertificateRoles {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/**
 * The peer of a verified certificate: its subject's one common name. A certificate with none or
 * several, and a connection without one, is nobody's.
 */
export function certifiedPeer({ read, write }: CertificateRoles): PeerOf {
  return ({ certificate }) => {
    const name = certificate?.subject.CN;
    if (typeof name !== 'string' || name === '') {
      return { name: 'without a name', role: null, known_by: null };
    }
    const role = write.includes(name) ? 'write' : read.includes(name) ? 'read' : null;
    return { name, role, known_by: 'certificate' };
  };
}

/** Throws HP_AGENT_NOT_ALLOWED where the peer may not do what a method asks. */
export function checkAllowed({ name, role }: Peer, needed: Role, method: string): void {
  if (role === 'write' || role === needed) return;
  throw notAllowed(name, role, method, needed);
}

function notAllowed(name: string, role: Role | null, method: string, needed: Role): HotplaneError {
  const may = role === null ? 'may do nothing' : `may ${role} only`;
  return agentError(
    'HP_AGENT_NOT_ALLOWED',
    `the peer ${name} ${may}; ${method} takes '${needed}'.`,
    {
      details: { peer: name, role, method, needed },
    },
  );
}
