/** Where the API listens on a network. */
import { isIP } from 'node:net';

export interface NetworkAddress {
  readonly host: string;
  readonly port: number;
}

/** What to give instead, for a sentence about it. */
export const NETWORK_ADDRESS_WANTED =
  'an address of this host with a port: 10.0.0.1:9465, [::]:9465';

/** Null for anything but the number of an address with a port: names may lead elsewhere. */
export function parseNetworkAddress(text: string): NetworkAddress | null {
  const [, v6, v4, digits] = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  const port = Number(digits);
  return isIP(host) !== 0 && port <= 65_535 ? { host, port } : null;
}

export const addressText = ({ host, port }: NetworkAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
