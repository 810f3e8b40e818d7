/** The arrows of ARCHITECTURE.md, held by reading every import of every source file. */
import test from 'ava';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { PROJECT_ROOT } from '../base/paths.ts';

/**
 * Folder -> the project folders it may import from, its own always included; of two that hold a file
 * the longer name counts.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  'hypervisor-client': ['base'],
  images: ['base'],
  agent: ['base', 'hypervisor-client', 'images'],
  autoscaler: ['base', 'agent/api'],
  bench: ['base', 'hypervisor-client', 'images', 'agent/guest', 'agent/api', 'autoscaler'],
  // Runs the agent itself, as a process under measurement.
  'bench/agent': ['bench', 'base', 'agent', 'autoscaler'],
  // Plays events on the decisions alone.
  'bench/core': ['bench', 'base', 'agent/core'],
  cli: ['base', 'agent', 'autoscaler', 'images', 'hypervisor-client', 'bench'],
};

/** Code that decides: no clock, no I/O, no randomness. */
const PURE = [/^agent\/core\//, /^autoscaler\/policy\//, /^hypervisor-client\/resize\.ts$/];
const IMPURE_MODULES = /^(node:(?!assert)|undici|execa|ws|@grpc|pino)/;
const IMPURE_CALLS =
  /\b(Date\.now|new Date\(|Math\.random|performance\.now|process\.hrtime|setTimeout|setInterval)\b/;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function readSources(): readonly Source[] {
  const files = globSync('{base,hypervisor-client,images,agent,autoscaler,bench,cli}/**/*.ts', {
    cwd: PROJECT_ROOT,
  });
  return files.map((path) => {
    const text = readFileSync(join(PROJECT_ROOT, path), 'utf8');
    const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((m) => m[1] ?? '');
    return { path, text, imports };
  });
}

const SOURCES = readSources();

function projectPath(source: Source, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const absolute = join(PROJECT_ROOT, dirname(source.path), specifier);
  return normalize(relative(PROJECT_ROOT, absolute));
}

test('there are sources to look at', (t) => {
  t.true(SOURCES.length > 10);
});

/** Whatever folder has no entry may import from itself alone. */
function allowedOf(path: string): readonly string[] {
  const [folder = path.split('/')[0] ?? ''] = Object.keys(MAY_IMPORT)
    .filter((name) => path.startsWith(`${name}/`))
    .toSorted((a, b) => b.length - a.length);
  return [folder, ...(MAY_IMPORT[folder] ?? [])];
}

test('imports point the way ARCHITECTURE.md says', (t) => {
  const wrong: string[] = [];
  for (const source of SOURCES) {
    const allowed = allowedOf(source.path);
    for (const specifier of source.imports) {
      const target = projectPath(source, specifier);
      if (target === null) continue;
      if (!allowed.some((prefix) => target.startsWith(`${prefix}/`))) {
        wrong.push(`${source.path} imports ${target}`);
      }
    }
  }
  t.deepEqual(wrong, []);
});

test('what decides imports no clock, no I/O and no randomness', (t) => {
  const wrong: string[] = [];
  for (const source of SOURCES.filter(({ path }) => PURE.some((pattern) => pattern.test(path)))) {
    for (const specifier of source.imports) {
      if (IMPURE_MODULES.test(specifier)) wrong.push(`${source.path} imports ${specifier}`);
    }
    const call = IMPURE_CALLS.exec(source.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''));
    if (call) wrong.push(`${source.path} calls ${call[1]}`);
  }
  t.deepEqual(wrong, []);
});

/** Code above the interface to VMMs; only the command that takes `--vmm` may list their names. */
const ABOVE = /^(agent|autoscaler|cli)\//;
const VMM_NAMES = /\b(qemu|cloud.?hypervisor|qmp)\b/i;
const OPTION_LIST = /\bVMMS = \[[^\]]*\]/g;
/** Shown in help texts; told to people, never compared. */
const COMMANDS_THAT_NAME = ['cli/commands/agent.ts', 'cli/commands/bench-reclaim.ts'];
const ASKS = /(\bvmm|\.kind)\s*[!=]==?\s*'(qemu|cloud-hypervisor|fake)'|case '(qemu|fake)'/;

test('nothing above the interface to VMMs asks which one it is', (t) => {
  const wrong: string[] = [];
  for (const { path, text, imports } of SOURCES.filter((source) => ABOVE.test(source.path))) {
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '').replaceAll(OPTION_LIST, '');
    const named = VMM_NAMES.exec(code);
    if (named && !COMMANDS_THAT_NAME.includes(path)) wrong.push(`${path} names ${named[0]}`);
    const asked = ASKS.exec(code);
    if (asked) wrong.push(`${path} asks ${asked[0]}`);
    const driver = imports.find((one) => /hypervisor-client\/(qemu|cloud-hypervisor)\//.test(one));
    if (driver !== undefined) wrong.push(`${path} imports ${driver}`);
  }
  t.deepEqual(wrong, []);
});

test('no source file is longer than 400 lines', (t) => {
  const long = SOURCES.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path);
  t.deepEqual(long, []);
});
