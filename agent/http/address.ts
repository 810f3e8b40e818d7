/** Where the agent's HTTP may listen: a port of loopback, or a Unix socket. */
import { BlockList, isIP } from 'node:net';

export type HttpAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string };

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** What to give instead, for a sentence about it. */
export const HTTP_ADDRESS_WANTED =
  'a port of loopback like 127.0.0.1:9464 or [::1]:9464, or the absolute path of a Unix socket';

/** Null for anything else: without TLS and password no network may reach it. */
export function parseHttpAddress(text: string): HttpAddress | null {
  if (text.startsWith('/')) return { path: text };
  const found = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text);
  if (!found) return null;
  const [, v6, v4, digits] = found;
  const host = v6 ?? v4 ?? '';
  const port = Number(digits);
  return isLoopback(host) && port <= 65_535 ? { host, port } : null;
}

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family !== 0 && LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Whether a request that names this host may be meant for us. A page whose name was made to resolve
 * to loopback still names itself here.
 */
export function isOwnHost(header: string | undefined): boolean {
  if (header === undefined) return true;
  const host = header.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || isLoopback(host);
}
