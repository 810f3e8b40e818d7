/** A tar archive, as it is or compressed, put over a tree as one layer. */
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Headers } from 'tar-stream';
import { isHotplaneError, messageOf } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Blobs } from './blobs.ts';
import { PACKAGE_LIMITS } from './limits.ts';
import { refused } from './refusal.ts';
import type { ImageTree } from './tree.ts';

export interface LayerOptions {
  readonly tree: ImageTree;
  readonly blobs: Blobs;
  /** Named in messages. */
  readonly source: string;
  /** What a folder does to a link of its name: OCI replaces, Debian follows. */
  readonly over_links: 'replace' | 'follow';
  /** Bytes that a compressed layer may unfold to, padding included. Default: as of a package. */
  readonly limit_bytes?: number;
  /**
   * Its bytes are known by their digest: it may end with its last file, without what fills that
   * one's block, as Go's writers leave it and its readers take it. Default: false.
   */
  readonly is_whole?: boolean;
  /** False: the entry is left out. Default: all are taken. */
  readonly wanted?: (path: string) => boolean;
}

/** Reads a layer to its end. Throws HP_IMAGE_ARCHIVE for one that is damaged or hostile. */
export async function addTarLayer(bytes: Readable, options: LayerOptions): Promise<void> {
  const { tree, source } = options;
  tree.beginLayer();
  const archive = extract();
  const plain = await unpacked(bytes);
  const limit_bytes = 2 * (options.limit_bytes ?? PACKAGE_LIMITS.unpacked_bytes);
  const filled = options.is_whole === true ? [blockFiller()] : [];
  const feeding = pipeline([...plain, bounded(limit_bytes, source), ...filled, archive]);
  feeding.catch(() => undefined);
  try {
    for await (const entry of archive) {
      await addEntry(entry.header, entry, options);
      entry.resume();
    }
    await feeding;
  } catch (error) {
    archive.destroy();
    bytes.destroy();
    await feeding.catch(() => undefined);
    if (isHotplaneError(error)) throw error;
    const why = messageOf(error).replace(/[.?!]+$/, '');
    throw refused(source, '', `is damaged: ${why}`, error);
  }
}

/** Of which an archive is made (POSIX, pax). */
const BLOCK_BYTES = 512;
const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** The stream and what makes a tar of it: told by its first bytes, whatever its name says. */
async function unpacked(bytes: Readable): Promise<[NodeJS.ReadableStream, ...Transform[]]> {
  const iterator: AsyncIterator<unknown> = bytes[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = first.value instanceof Uint8Array ? Buffer.from(first.value) : Buffer.alloc(0);
  const whole = Readable.from(
    (async function* () {
      if (first.done !== true) yield head;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
        yield next.value;
      }
    })(),
    { objectMode: false },
  );
  const starts = (magic: Buffer): boolean => head.subarray(0, magic.length).equals(magic);
  if (starts(GZIP)) return [whole, createGunzip()];
  if (starts(ZSTD)) return [whole, createZstdDecompress()];
  return [whole];
}

/** Passes bytes on, and fails when there are more than an archive has reason to have. */
function bounded(limit_bytes: number, source: string): Transform {
  let seen_bytes = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen_bytes += chunk.byteLength;
      const why = `unfolds to more than ${formatBytes(limit_bytes)}`;
      if (seen_bytes > limit_bytes) done(refused(source, '', why));
      else done(null, chunk);
    },
  });
}

/** Ends the last block of an archive with zeros, where it has fewer bytes. */
function blockFiller(): Transform {
  let seen_bytes = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen_bytes += chunk.byteLength;
      done(null, chunk);
    },
    flush(done) {
      done(null, Buffer.alloc((BLOCK_BYTES - (seen_bytes % BLOCK_BYTES)) % BLOCK_BYTES));
    },
  });
}

/** As GNU tar writes it with `--format=pax`: the entry is a map of holes with what is between. */
function isSparse(header: object): boolean {
  const pax = 'pax' in header && typeof header.pax === 'object' ? header.pax : null;
  return Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse.'));
}

async function addEntry(
  header: Headers,
  bytes: AsyncIterable<unknown>,
  options: LayerOptions,
): Promise<void> {
  const { tree, blobs, source, over_links, wanted } = options;
  const { name, type, linkname } = header;
  if (wanted && !wanted(name.replace(/^\.\//, ''))) return;
  const attributes = {
    mode: (header.mode ?? 0o644) & 0o7777,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
  };
  if (isSparse(header)) {
    throw refused(source, name, 'is a sparse file, whose size says nothing');
  }
  if (tree.hide(name)) return;
  if (type === 'directory') return tree.addFolder(name, attributes, over_links);
  if (type === 'symlink') return tree.addLink(name, attributes, linkname ?? '');
  if (type === 'link') return tree.addHardLink(name, linkname ?? '');
  if (type === 'file' || type === 'contiguous-file') {
    return tree.addFile(name, attributes, await blobs.keep(name, header.size ?? 0, bytes));
  }
  throw refused(source, name, `is a ${type ?? 'kind of entry nobody knows'}, not a file or folder`);
}
