/** Archives for the tests: tar files entry by entry, and OCI layouts around them. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

export interface Entry {
  readonly name: string;
  readonly type?: 'file' | 'directory' | 'symlink' | 'link' | 'character-device' | 'fifo';
  readonly linkname?: string;
  readonly text?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A tar of these entries, owned by 0 where nothing else is said. */
export async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const { text = '', ...header } of entries) {
    archive.entry({ type: 'file', mtime: new Date(0), ...header }, text);
  }
  archive.finalize();
  return await buffer(archive);
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const CONFIG = {
  os: 'linux',
  architecture: 'amd64',
  config: { Entrypoint: ['/bin/app'], Cmd: ['--serve'], Env: ['A=1', 'PATH=/bin'] },
};

/** Writes the layout of one image with these layers into a new folder. */
export async function writeLayout(
  dir: string,
  layers: readonly Uint8Array[],
  config: object = CONFIG,
): Promise<void> {
  const blobs = join(dir, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (bytes: Uint8Array, mediaType: string) => {
    const hex = sha256(bytes);
    await writeFile(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.byteLength };
  };
  const type = 'application/vnd.oci.image';
  const manifest = {
    schemaVersion: 2,
    config: await put(json(config), `${type}.config.v1+json`),
    layers: await Promise.all(layers.map(async (one) => await put(one, `${type}.layer.v1.tar`))),
  };
  const entry = await put(json(manifest), `${type}.manifest.v1+json`);
  await writeFile(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const index = json({ schemaVersion: 2, manifests: [entry] });
  await writeFile(join(dir, 'index.json'), index);
}
