/** Writer of `newc` cpio archives, the form the kernel unpacks as its first root file system. */
import { assert } from '../../base/assert.ts';

export type CpioEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      readonly content: Uint8Array;
    }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | {
      readonly type: 'character-device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
const FORMAT_BITS = {
  directory: 0o040000,
  file: 0o100000,
  link: 0o120000,
  'character-device': 0o020000,
} as const;
const NAME_BYTES_MAX = 4096;
const FILE_BYTES_MAX = 0xffff_ffff;

export function directory(path: string, mode = 0o755): CpioEntry {
  return { type: 'directory', path, mode };
}

export function file(path: string, content: Uint8Array, mode: number): CpioEntry {
  return { type: 'file', path, mode, content };
}

/**
 * Packs the entries in the given order. Deterministic: owner 0, time 0, inode = position. Parents
 * must come before what is in them. Needs no root: device nodes are only described.
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directories = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    checkPath(entry.path, directories);
    if (entry.type === 'directory') directories.add(entry.path);
    parts.push(packEntry(entry, index + 1));
  }
  parts.push(pack({ ino: 0, mode: 0, nlink: 1, path: TRAILER, content: Buffer.alloc(0) }));
  return padTo(Buffer.concat(parts), 512);
}

function checkPath(path: string, directories: ReadonlySet<string>): void {
  assert(/^[^/\0]+(\/[^/\0]+)*$/.test(path), `archive path must be relative: ${path}`);
  assert(Buffer.byteLength(path) < NAME_BYTES_MAX, `archive path too long: ${path}`);
  const slash = path.lastIndexOf('/');
  const parent = path.slice(0, Math.max(slash, 0));
  assert(parent === '' || directories.has(parent), `${path} comes before its directory`);
}

function packEntry(entry: CpioEntry, ino: number): Buffer {
  return pack({
    ino,
    mode: FORMAT_BITS[entry.type] | (entry.type === 'link' ? 0o777 : entry.mode),
    nlink: entry.type === 'directory' ? 2 : 1,
    path: entry.path,
    content: contentOf(entry),
    ...(entry.type === 'character-device' ? { device: [entry.major, entry.minor] } : {}),
  });
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.type === 'file') return entry.content;
  return Buffer.from(entry.type === 'link' ? entry.target : '');
}

interface Header {
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly path: string;
  readonly content: Uint8Array;
  readonly device?: readonly [number, number];
}

function pack(record: Header): Buffer {
  assert(record.content.byteLength <= FILE_BYTES_MAX, `${record.path} is too large`);
  const name = Buffer.from(`${record.path}\0`);
  const [major, minor] = record.device ?? [0, 0];
  const fields = [
    record.ino,
    record.mode,
    0, // uid
    0, // gid
    record.nlink,
    0, // mtime
    record.content.byteLength,
    0, // major and minor of the device that holds it
    0,
    major,
    minor,
    name.byteLength,
    0, // checksum, unused in this format
  ];
  const head = Buffer.from(MAGIC + fields.map((field) => hex8(field)).join(''));
  return Buffer.concat([padTo(Buffer.concat([head, name]), 4), padTo(record.content, 4)]);
}

function hex8(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function padTo(bytes: Uint8Array, unit: number): Buffer {
  const rest = bytes.byteLength % unit;
  if (rest === 0) return Buffer.from(bytes);
  return Buffer.concat([bytes, Buffer.alloc(unit - rest)]);
}
