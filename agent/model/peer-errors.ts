/** Error codes of who calls the agent, and of the ways on which he is known. Pure. */
import type { CodeInfo } from '../../base/errors.ts';

export const PEER_CODES = {
  HP_AGENT_NOT_ALLOWED: {
    category: 'usage',
    meaning: 'The certificate, user or socket may not do what was asked; nothing was changed.',
    next: 'call as somebody who may, or be listed in socket_read, socket_write, tls_read or tls_write.',
  },
  HP_AGENT_NO_USERS: {
    category: 'unavailable',
    meaning:
      'The kernel cannot be asked for the user of whoever connects, which socket_read needs.',
    next: 'install with the optional dependencies (koffi), or leave out socket_read and socket_write.',
  },
  HP_AGENT_TLS: {
    category: 'usage',
    meaning: 'The API cannot be served or called over TLS: address or files are not usable.',
    next: 'name a free address, and a key, its certificate and the authority of the peers, in PEM.',
  },
} as const satisfies Readonly<Record<string, CodeInfo>>;
