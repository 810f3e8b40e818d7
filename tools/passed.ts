/**
 * Stages that need not run again: what took long and passed is remembered by the content of all it
 * depends on, as a build is, so that a run after a change elsewhere stays short.
 */
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { isHotplaneError } from '../base/errors.ts';
import { writeWhole } from '../base/files.ts';
import { jsonDocument } from '../base/json.ts';
import { cacheDir, PROJECT_ROOT } from '../base/paths.ts';
import { ensureGuest, type EnsureGuestOptions } from '../images/index.ts';

/** What a stage runs on, beside the sources of its test files. */
export interface DependsOn {
  readonly guests: readonly Pick<EnsureGuestOptions, 'variant' | 'arch'>[];
  /** Patterns of files; what their modules import, and theirs, comes with them. */
  readonly files: readonly string[];
  /** Programs whose version counts. */
  readonly programs: readonly string[];
  /** Environment variables with what the tests are told. */
  readonly variables: readonly string[];
}

const PROGRAM_MS = 10_000;
const passSchema = z.object({ stage: z.string(), at: z.string() });

/** Whether a guest is in the cache, so that its stage builds nothing. */
export async function isBuilt(guest: DependsOn['guests'][number]): Promise<boolean> {
  return (await contentOf(guest)) !== null;
}

async function contentOf(guest: DependsOn['guests'][number]): Promise<string | null> {
  try {
    const { manifest, rootfs_key } = await ensureGuest({ ...guest, build: false });
    return `${manifest.key} ${rootfs_key}`;
  } catch (error) {
    if (isHotplaneError(error)) return null;
    throw error;
  }
}

/** The files and every module of the project that they import, by their paths in `root`, sorted. */
export function sourcesOf(patterns: readonly string[], root = PROJECT_ROOT): readonly string[] {
  const todo = patterns.flatMap((pattern) => globSync(pattern, { cwd: root }));
  const found = new Set<string>();
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    if (found.has(path) || !existsSync(join(root, path))) continue;
    found.add(path);
    if (!path.endsWith('.ts')) continue;
    const text = readFileSync(join(root, path), 'utf8');
    for (const [, name = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g))
      todo.push(normalize(join(dirname(path), name)));
  }
  return [...found].toSorted();
}

/** The hash of all it depends on; null where a guest is not built, or a program not there. */
export async function contentKey(on: DependsOn, root = PROJECT_ROOT): Promise<string | null> {
  const hash = createHash('sha256');
  for (const guest of on.guests) {
    const content = await contentOf(guest);
    if (content === null) return null;
    hash.update(`${content}\n`);
  }
  for (const program of on.programs) {
    const run = await execa(program, ['--version'], { reject: false, timeout: PROGRAM_MS });
    if (run.failed) return null;
    hash.update(`${run.stdout}\n`);
  }
  for (const name of on.variables) hash.update(`${name}=${process.env[name] ?? ''}\n`);
  for (const path of sourcesOf([...on.files, 'package-lock.json'], root)) {
    const text = readFileSync(join(root, path));
    hash.update(`${path} ${text.length}\n`).update(text);
  }
  return hash.digest('hex');
}

const pathOf = (key: string, cache_dir: string): string => join(cache_dir, 'passed', `${key}.json`);

/** When a stage of this content passed; null: not yet, as far as the cache knows. */
export function passedAt(key: string, cache_dir = cacheDir()): string | null {
  try {
    return passSchema.parse(JSON.parse(readFileSync(pathOf(key, cache_dir), 'utf8'))).at;
  } catch {
    return null;
  }
}

/** Remembers that the stage passed. */
export async function remember(
  key: string,
  pass: z.infer<typeof passSchema>,
  cache_dir = cacheDir(),
): Promise<void> {
  const path = pathOf(key, cache_dir);
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, jsonDocument(pass));
}
