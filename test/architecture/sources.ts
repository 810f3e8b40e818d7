/** Every source file of the product with its imports, as text. */
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
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

/** Written by a program from the schemas of agent/model: nobody reads or changes it. */
const GENERATED = /^agent\/api\/generated\//;

export function readSources(): readonly Source[] {
  const files = productFolders().flatMap((folder) =>
    globSync(`${folder}/**/*.ts`, { cwd: PROJECT_ROOT }),
  );
  const sources = files.filter((path) => !GENERATED.test(path));
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
