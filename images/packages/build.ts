/** A function made of a folder or of an OCI image, and given its name. */
import { stat } from 'node:fs/promises';
import { imageError } from '../errors.ts';
import { addFolder } from './folder.ts';
import { namePackage } from './named.ts';
import { addOciImage, type OciSource } from './oci.ts';
import { makePackage, type Package } from './package.ts';

/** Where the files of a function's folder lie in its image: where AWS Lambda has them. */
export const TASK_FOLDER = '/var/task';

export interface BuildOptions {
  readonly cache_dir: string;
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/** Makes a package of all that is in `dir`. Throws HP_IMAGE_*. */
export async function buildFolder(
  dir: string,
  { cache_dir, name, signal, runtime }: BuildOptions & { readonly runtime: string | null },
): Promise<Package> {
  const info = await stat(dir);
  if (!info.isDirectory()) throw imageError('HP_IMAGE_ARCHIVE', `${dir} is not a folder.`);
  const { made } = await makePackage({ cache_dir, source: dir, signal }, async (tree, blobs) => {
    tree.beginLayer();
    await addFolder(tree, blobs, { dir, at: TASK_FOLDER.slice(1) });
  });
  await namePackage(cache_dir, { name, key: made.key, runtime, source: dir, config: null });
  return made;
}

/** Makes a package of an OCI image. Throws HP_IMAGE_*. */
export async function importImage(
  image: OciSource,
  { cache_dir, name, signal }: BuildOptions,
): Promise<Package> {
  const source = `${image.form}:${image.path}`;
  const { made, told: config } = await makePackage(
    { cache_dir, source, signal },
    async (tree, blobs, scratch_dir) => await addOciImage(image, { tree, blobs, scratch_dir }),
  );
  await namePackage(cache_dir, {
    name,
    key: made.key,
    runtime: null,
    source,
    config: {
      ...config,
      command: [...config.command],
      environment: [...config.environment],
    },
  });
  return made;
}
