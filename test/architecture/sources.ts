/** Every source file of the product with its imports, as text. */
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, matchesGlob, normalize, relative } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { BESIDE } from './rooms.ts';

export interface Source {
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  readonly code: string;
  readonly imports: readonly string[];
}

/** Folders of the product, from the file system: none is forgotten. */
export function productFolders(): readonly string[] {
  return readdirSync(PROJECT_ROOT, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
    .filter((name) => !BESIDE.includes(name));
}

/**
 * What .gitattributes calls generated, as a file or as `folder/**`: written by a program, so that
 * nobody reads or changes it. Every rule for sources leaves it out.
 */
export const GENERATED: readonly string[] = readFileSync(
  join(PROJECT_ROOT, '.gitattributes'),
  'utf8',
)
  .split('\n')
  .flatMap((line) => /^([^#\s]\S*) linguist-generated$/.exec(line)?.[1] ?? []);

export function isGenerated(path: string): boolean {
  return GENERATED.some((pattern) => matchesGlob(path, pattern));
}

export function readSources(): readonly Source[] {
  const files = productFolders().flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, { cwd: PROJECT_ROOT }),
  );
  const sources = files.filter((path) => !isGenerated(path));
  return sources.toSorted().map((path) => {
    const text = readFileSync(join(PROJECT_ROOT, path), 'utf8');
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((m) => m[1] ?? '');
    return { path, text, code, imports };
  });
}

/** The project path an import means; null for a package. */
export function projectPath(source: Source, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const absolute = join(PROJECT_ROOT, dirname(source.path), specifier);
  return normalize(relative(PROJECT_ROOT, absolute));
}
