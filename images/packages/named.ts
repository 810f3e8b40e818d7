/** Packages by the names that people gave them: `functions/NAME.json` in the cache. */
import { join } from 'node:path';
import { z } from 'zod';
import { jsonDocument } from '../../base/json.ts';
import { namesIn, writeWhole } from '../../base/files.ts';
import { makeFolder } from '../../base/make-folder.ts';
import { readPlainFile } from '../../base/plain-file.ts';
import { errnoOf } from '../../base/system-error.ts';
import { imageError } from '../errors.ts';
import { PACKAGE_LIMITS } from './limits.ts';

const text = z.string();
const namedSchema = z.object({
  schema_version: z.literal(1),
  name: text,
  /** Content key of its package. */
  key: text,
  /** The base runtime that it was made for; null: it needs none. */
  runtime: text.nullable(),
  /** What it was made of, for people. */
  source: text,
  /** What the image itself says of how it is run; null where it says nothing. */
  config: z
    .object({
      command: z.array(text),
      environment: z.array(text),
      working_folder: text.nullable(),
      user: text.nullable(),
    })
    .nullable(),
});
export type NamedPackage = Readonly<z.infer<typeof namedSchema>>;

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const folderOf = (cache_dir: string): string => join(cache_dir, 'functions');

/** Gives a package a name, which may have been another's. */
export async function namePackage(
  cache_dir: string,
  named: Omit<NamedPackage, 'schema_version'>,
): Promise<void> {
  await makeFolder(folderOf(cache_dir));
  const path = join(folderOf(cache_dir), `${named.name}.json`);
  await writeWhole(path, jsonDocument({ schema_version: 1, ...named }));
}

/** What has that name; throws HP_IMAGE_NO_FUNCTION. */
export async function findNamed(cache_dir: string, name: string): Promise<NamedPackage> {
  const found = NAME.test(name) ? await readNamed(cache_dir, name) : null;
  if (found !== null) return found;
  throw imageError('HP_IMAGE_NO_FUNCTION', `there is no function '${name}' in ${cache_dir}.`);
}

/** All that can be read, by name. */
export async function listNamed(cache_dir: string): Promise<readonly NamedPackage[]> {
  const files = (await namesIn(folderOf(cache_dir))).filter((name) => name.endsWith('.json'));
  const found: NamedPackage[] = [];
  for (const file of files.toSorted().slice(0, PACKAGE_LIMITS.listed)) {
    const named = await readNamed(cache_dir, file.slice(0, -'.json'.length));
    if (named !== null) found.push(named);
  }
  return found;
}

async function readNamed(cache_dir: string, name: string): Promise<NamedPackage | null> {
  try {
    const json = await readPlainFile(join(folderOf(cache_dir), `${name}.json`));
    return namedSchema.safeParse(JSON.parse(json)).data ?? null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
