/** OCI images as tools save them: a layout folder, an archive of one, what `docker save` writes. */
import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../base/errors.ts';
import { openPlainFile } from '../../base/plain-file.ts';
import { Blobs } from './blobs.ts';
import { addFolder } from './folder.ts';
import { PACKAGE_LIMITS } from './limits.ts';
import { refused } from './refusal.ts';
import { addTarLayer } from './tar-layer.ts';
import { type Content, ImageTree } from './tree.ts';

const digestSchema = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'is no sha256 digest');
const descriptorSchema = z.looseObject({
  mediaType: z.string().optional(),
  digest: digestSchema,
  size: z.number().int().nonnegative(),
  platform: z.looseObject({ os: z.string(), architecture: z.string() }).optional(),
});
type Descriptor = z.infer<typeof descriptorSchema>;

const indexSchema = z.looseObject({ manifests: z.array(descriptorSchema).min(1) });
const manifestSchema = z.looseObject({
  config: descriptorSchema,
  layers: z.array(descriptorSchema).max(PACKAGE_LIMITS.layers),
});
const documentSchema = z.union([
  manifestSchema.transform((manifest) => ({ manifest, manifests: [] })),
  indexSchema.transform(({ manifests }) => ({ manifest: null, manifests })),
]);
const dockerSchema = z
  .array(z.looseObject({ Config: z.string(), Layers: z.array(z.string()) }))
  .length(1, 'holds several images; save one alone');

const words = z.array(z.string()).nullish();
const configSchema = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  config: z
    .looseObject({
      Entrypoint: words,
      Cmd: words,
      Env: words,
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
    })
    .nullish(),
});

/** What an image says of how it is to be run. */
export interface ImageConfig {
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly working_folder: string | null;
  /** UID or UID:GID; null: root. */
  readonly user: string | null;
}

export const OCI_FORMS = ['oci-archive', 'docker-archive', 'oci'] as const;
export type OciForm = (typeof OCI_FORMS)[number];

export interface OciSource {
  readonly form: OciForm;
  /** Of the archive, or of the layout's folder. */
  readonly path: string;
}

/**
 * Puts the layers of an image into `tree`, and tells its configuration. Every document and layer is
 * held against its digest. Throws HP_IMAGE_ARCHIVE.
 */
export async function addOciImage(
  { form, path }: OciSource,
  options: { readonly tree: ImageTree; readonly blobs: Blobs; readonly scratch_dir: string },
): Promise<ImageConfig> {
  const source = `${form}:${path}`;
  const outer_dir = join(options.scratch_dir, 'outer');
  await mkdir(outer_dir);
  const outer = new ImageTree(source);
  const outer_blobs = new Blobs(outer_dir, source);
  if (form === 'oci') await addFolder(outer, outer_blobs, { dir: path, at: '' });
  else {
    await using file = await openPlainFile(path);
    const layer = { tree: outer, blobs: outer_blobs, source, over_links: 'replace' } as const;
    await addTarLayer(file.createReadStream({ autoClose: false }), layer);
  }
  const image = new Saved(outer, source);
  const { config, layers } = form === 'docker-archive' ? await image.docker() : await image.oci();
  checkPlatform(config, source);
  for (const [index, layer] of layers.entries()) {
    const name = `${source}, layer ${index + 1} of ${layers.length}`;
    const { tree, blobs } = options;
    const bytes = createReadStream(layer.path);
    const is_whole = form !== 'docker-archive';
    await addTarLayer(bytes, { tree, blobs, source: name, over_links: 'replace', is_whole });
  }
  return await imageConfig(config, options.tree, source);
}

interface Found {
  readonly config: z.infer<typeof configSchema>;
  readonly layers: readonly Content[];
}

/** The files of a layout or archive, by the rules of each. */
class Saved {
  readonly #files: ImageTree;
  readonly #source: string;

  constructor(files: ImageTree, source: string) {
    this.#files = files;
    this.#source = source;
  }

  async oci(): Promise<Found> {
    const index = await this.#document(this.#file('index.json'), indexSchema, 'index.json');
    const manifest = await this.#manifest(index.manifests, 0);
    const name = 'its configuration';
    return {
      config: await this.#document(this.#blob(manifest.config), configSchema, name),
      layers: manifest.layers.map((layer) => this.#blob(layer)),
    };
  }

  async docker(): Promise<Found> {
    const name = 'manifest.json';
    const [image] = await this.#document(this.#file(name), dockerSchema, name);
    if (!image) throw refused(this.#source, name, 'names no image');
    return {
      config: await this.#document(this.#file(image.Config), configSchema, image.Config),
      layers: image.Layers.map((layer) => this.#file(layer)),
    };
  }

  /** The manifest for this platform, through indexes within the index. */
  async #manifest(
    among: readonly Descriptor[],
    depth: number,
  ): Promise<z.infer<typeof manifestSchema>> {
    if (depth > PACKAGE_LIMITS.index_depth) throw refused(this.#source, '', 'has an endless index');
    const fitting = among.filter(({ platform }) => platform === undefined || isOurs(platform));
    const [one, other] = fitting;
    if (one === undefined)
      throw refused(this.#source, 'index.json', 'has no image for linux/amd64');
    if (other !== undefined) {
      throw refused(this.#source, 'index.json', `has ${fitting.length} images; save one alone`);
    }
    const found = await this.#document(this.#blob(one), documentSchema, one.digest);
    return found.manifest ?? (await this.#manifest(found.manifests, depth + 1));
  }

  #file(path: string): Content {
    const node = this.#files.find(path);
    if (node?.type === 'file') return node.content;
    throw refused(this.#source, path, 'is missing in it');
  }

  #blob({ digest, size }: Descriptor): Content {
    const content = this.#file(`blobs/${digest.replace(':', '/')}`);
    if (`sha256:${content.sha256}` === digest && content.bytes === size) return content;
    throw refused(this.#source, digest, 'has other bytes than its digest says');
  }

  async #document<T>(content: Content, schema: z.ZodType<T>, name: string): Promise<T> {
    if (content.bytes > PACKAGE_LIMITS.document_bytes) {
      throw refused(this.#source, name, `has ${content.bytes} bytes, too many for a document`);
    }
    try {
      return schema.parse(JSON.parse(await readFile(content.path, 'utf8')));
    } catch (error) {
      const why = error instanceof z.ZodError ? error.issues[0]?.message : messageOf(error);
      throw refused(this.#source, name, `is not understood (${why})`, error);
    }
  }
}

const isOurs = ({ os, architecture }: { os: string; architecture: string }): boolean =>
  os === 'linux' && architecture === 'amd64';

function checkPlatform(config: { os: string; architecture: string }, source: string): void {
  if (isOurs(config)) return;
  const { os, architecture } = config;
  throw refused(source, '', `is for ${os}/${architecture}; guests here are linux/amd64`);
}

async function imageConfig(
  { config }: z.infer<typeof configSchema>,
  tree: ImageTree,
  source: string,
): Promise<ImageConfig> {
  const { Entrypoint, Cmd, Env, WorkingDir, User } = config ?? {};
  const user = User ? await userOf(User, tree, source) : null;
  return {
    command: [...(Entrypoint ?? []), ...(Cmd ?? [])],
    environment: Env ?? [],
    working_folder: WorkingDir ? WorkingDir : null,
    user: user === '0' || user === '0:0' ? null : user,
  };
}

/** `USER` of a Dockerfile in numbers: names are those of the image itself. */
async function userOf(text: string, tree: ImageTree, source: string): Promise<string> {
  const [user = '', group] = text.split(':');
  const [uid, own_gid] = await idsOf(user, 'etc/passwd', tree, source);
  if (group === undefined) return own_gid === null ? uid : `${uid}:${own_gid}`;
  const [gid] = await idsOf(group, 'etc/group', tree, source);
  return `${uid}:${gid}`;
}

/** The number in the third column of a name's line, and the one after it. */
async function idsOf(
  name: string,
  path: string,
  tree: ImageTree,
  source: string,
): Promise<[string, string | null]> {
  const number = /^\d{1,9}$/;
  if (number.test(name)) return [name, null];
  const file = tree.find(path);
  const is_small = file?.type === 'file' && file.content.bytes <= PACKAGE_LIMITS.document_bytes;
  const text = is_small ? await readFile(file.content.path, 'utf8') : '';
  const line = text.split('\n').find((one) => one.startsWith(`${name}:`));
  const [, , id = '', group = ''] = line?.split(':') ?? [];
  if (number.test(id)) return [id, number.test(group) ? group : null];
  throw refused(source, path, `has nobody called ${name}, whom the image is to run as`);
}
