/** What a value of the agent's configuration can be, as text: the same in all its sources. */
import { NETWORK_ADDRESS_WANTED, parseNetworkAddress } from '../../agent/api/address.ts';
import { HTTP_ADDRESS_WANTED, parseHttpAddress } from '../../agent/http/address.ts';
import { BRIDGES_WANTED, parseAddress, parseBridges } from '../../agent/model/network.ts';
import { NODE_LIMITS_WANTED, parseNodeLimits } from '../../agent/model/tiers.ts';
import { parseBytes, sizeWanted } from '../../base/units.ts';
import { gidOf, uidOf } from '../../base/users.ts';

export interface ConfigKind {
  /** What the value is called in help and pages, e.g. `SIZE`; null: a switch, on or off. */
  readonly value: string | null;
  readonly choices?: readonly string[];
  /** Names a place in the file system, or a program where it has no slash. */
  readonly is_path?: true;
  /** What to give where `text` is not of this kind; null: it is. */
  readonly wanted: (text: string) => string | null;
}

const ON = new Set(['true', 'yes', 'on', '1']);
const OFF = new Set(['false', 'no', 'off', '0']);

export const isOn = (text: string): boolean => ON.has(text.toLowerCase());

export const SWITCH: ConfigKind = {
  value: null,
  wanted: (text) => (isOn(text) || OFF.has(text.toLowerCase()) ? null : 'true or false'),
};

/** A path; relative ones count from the working folder, in a file from the folder it is in. */
export const pathCalled = (value: string): ConfigKind => ({
  value,
  is_path: true,
  wanted: (text) => (text === '' ? 'a path' : null),
});

export const SIZE: ConfigKind = {
  value: 'SIZE',
  wanted: (text) => {
    const bytes = parseBytes(text);
    return bytes === null || bytes <= 0 ? sizeWanted(text) : null;
  },
};

/** A size, or `off`. */
export const SIZE_OR_OFF: ConfigKind = {
  value: 'SIZE',
  wanted: (text) => {
    const why = text === 'off' ? null : SIZE.wanted(text);
    return why === null ? null : `${why}; or off`;
  },
};

export const wholeBetween = (value: string, lowest: number, highest: number): ConfigKind => ({
  value,
  wanted: (text) => {
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    const fits = number >= lowest && number <= highest;
    return fits ? null : `a whole number from ${lowest} to ${highest}`;
  },
});

export const oneOf = (value: string, choices: readonly string[]): ConfigKind => ({
  value,
  choices,
  wanted: (text) => (choices.includes(text) ? null : `one of ${choices.join(', ')}`),
});

/** Names with commas between them; in a file a list too. */
export const listOf = (names: readonly string[]): ConfigKind => ({
  value: 'LIST',
  wanted: (text) => {
    const all_known = text.split(',').every((part) => names.includes(part.trim()));
    return all_known ? null : `a list of ${names.join(', ')}`;
  },
});

export const HTTP_ADDRESS: ConfigKind = {
  value: 'ADDRESS',
  wanted: (text) =>
    text === 'off' || parseHttpAddress(text) ? null : `${HTTP_ADDRESS_WANTED}; or off`,
};

/** Who may connect: the owner, and with 0660 the group too; never everybody. */
export const SOCKET_MODE: ConfigKind = {
  value: 'MODE',
  wanted: (text) => (/^0?6[06]0$/.test(text) ? null : '0600 or 0660'),
};

const UID_FIRST = 1_000;
/** The last one means: no user. */
const UID_LAST = 2 ** 32 - 2;

/** `FIRST-LAST`, both included; null: it is no range of users that people and services lack. */
export function parseUidRange(text: string): { first: number; count: number } | null {
  const [, from = '', to = ''] = /^(\d{1,10})-(\d{1,10})$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === '' || first < UID_FIRST || last < first || last > UID_LAST) return null;
  return { first, count: last - first + 1 };
}

export const UID_RANGE: ConfigKind = {
  value: 'FIRST-LAST',
  wanted: (text) =>
    parseUidRange(text) ? null : `numbers of users from ${UID_FIRST} on, e.g. 200000-265535`,
};

/** A group of this host. */
export const GROUP: ConfigKind = {
  value: 'GROUP',
  wanted: (text) => (gidOf(text) === null ? 'the name or number of a group of this host' : null),
};

export const NETWORK_ADDRESS: ConfigKind = {
  value: 'HOST:PORT',
  wanted: (text) =>
    text === 'off' || parseNetworkAddress(text) ? null : `${NETWORK_ADDRESS_WANTED}; or off`,
};

/** Bridges of this host that functions may be on, with the addresses that are theirs there. */
export const BRIDGES: ConfigKind = {
  value: 'LIST',
  wanted: (text) => (parseBridges(text) === null ? BRIDGES_WANTED : null),
};

export const NODE_LIMITS: ConfigKind = {
  value: 'LIST',
  wanted: (text) => (parseNodeLimits(text) === null ? NODE_LIMITS_WANTED : null),
};

/** Those that are told to programs; their libraries look at no more. */
const DNS_SERVERS_MAX = 3;

/** IPv4 addresses with commas between them. */
export const ADDRESSES: ConfigKind = {
  value: 'LIST',
  wanted: (text) => {
    const parts = text.split(',');
    const are_addresses = parts.every((part) => parseAddress(part.trim()) !== null);
    return are_addresses && parts.length <= DNS_SERVERS_MAX
      ? null
      : `at most ${DNS_SERVERS_MAX} addresses like 10.0.0.1, with commas between them`;
  },
};

const NAME_CHARS = 128;

/** Names of certificates with commas between them; in a file a list too. */
export const CERTIFICATE_NAMES: ConfigKind = {
  value: 'NAMES',
  wanted: (text) =>
    namesOf(text).every((name) => /^[\p{L}\p{N}._@:/ -]+$/u.test(name) && name.length <= NAME_CHARS)
      ? null
      : `names with commas between them, of at most ${NAME_CHARS} characters each`,
};

/** Users and, after a %, groups of this host, with commas between them; in a file a list too. */
export const USERS: ConfigKind = {
  value: 'USERS',
  wanted: (text) => {
    const unknown = namesOf(text).find((name) => userOrGroup(name) === null);
    if (unknown === undefined) return null;
    return `users of this host, or %groups, by name or number: ${JSON.stringify(unknown)} is neither`;
  },
};

/** Null: this host has none of that name. */
export function userOrGroup(name: string): { uid: number } | { gid: number } | null {
  const gid = name.startsWith('%') ? gidOf(name.slice(1)) : null;
  if (gid !== null) return { gid };
  const uid = /^\d+$/.test(name) ? Number(name) : uidOf(name);
  return uid === null || uid > UID_LAST ? null : { uid };
}

export const namesOf = (text: string): string[] => text.split(',').map((name) => name.trim());
