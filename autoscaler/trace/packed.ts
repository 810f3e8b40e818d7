/** Files that hold a trace in another form, known by their first bytes. Pure. */
import { Buffer } from 'node:buffer';

interface Packing {
  readonly begin: Buffer;
  /** For people. */
  readonly name: string;
  /** What writes the text of FILE to its standard output. */
  readonly command: string;
}

const PACKINGS: readonly Packing[] = [
  { begin: Buffer.from([0x1f, 0x8b]), name: 'compressed with gzip', command: 'zcat FILE' },
  {
    begin: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    name: 'compressed with zstd',
    command: 'zstdcat FILE',
  },
  {
    begin: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]),
    name: 'compressed with xz',
    command: 'xzcat FILE',
  },
  { begin: Buffer.from('BZh'), name: 'compressed with bzip2', command: 'bzcat FILE' },
  { begin: Buffer.from('PK\u0003\u0004'), name: 'a zip archive', command: 'unzip -p FILE' },
  // As the trace of 2021 is published.
  { begin: Buffer.from('Rar!'), name: 'a RAR archive', command: 'bsdtar -xOf FILE' },
  {
    begin: Buffer.from([0x37, 0x7a, 0xbc, 0xaf]),
    name: 'a 7z archive',
    command: 'bsdtar -xOf FILE',
  },
  { begin: Buffer.from([0xff, 0xfe]), name: 'UTF-16', command: 'iconv -f UTF-16 -t UTF-8 FILE' },
  { begin: Buffer.from([0xfe, 0xff]), name: 'UTF-16', command: 'iconv -f UTF-16 -t UTF-8 FILE' },
];

/** What the file that begins so is; null: nothing that is known here. */
export function packingOf(head: Uint8Array): Pick<Packing, 'name' | 'command'> | null {
  return PACKINGS.find(({ begin }) => begin.equals(head.subarray(0, begin.length))) ?? null;
}
