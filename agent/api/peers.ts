/** Who calls, and what he may do. */
import type { PeerCertificate } from 'node:tls';
import type { HotplaneError } from '../../base/errors.ts';
import { agentError } from '../model/errors.ts';
import type { Role } from '../model/methods.ts';

/** A peer: what he may do, and what he is called where that is known. */
export interface Peer {
  readonly name: string;
  /** Null: nothing. */
  readonly role: Role | null;
  /** A certificate says who he is: else he does himself. */
  readonly is_certified: boolean;
}

/** Who is written down as the author of a change: his certificate's word goes before his own. */
export const authorOf = ({ name, is_certified }: Peer, claimed: string): string =>
  is_certified ? name : claimed;

/** What is known of the connection of a call; `sslPeerCertificate` only where it was verified. */
export interface Connection {
  readonly sslPeerCertificate?: { readonly subject: Partial<PeerCertificate['subject']> };
}

/** Finds out who it is that calls. */
export type PeerOf = (connection: Connection) => Peer;

/** On a Unix socket the kernel has decided who may connect: all of them may do the same. */
export const localPeer =
  (role: Role): PeerOf =>
  () => ({ name: 'of the socket', role, is_certified: false });

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
  return ({ sslPeerCertificate: certificate }) => {
    const name = certificate?.subject.CN;
    if (typeof name !== 'string' || name === '') {
      return { name: 'without a name', role: null, is_certified: false };
    }
    const role = write.includes(name) ? 'write' : read.includes(name) ? 'read' : null;
    return { name, role, is_certified: true };
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
