/** A policy of the operator's own: the default export of a TypeScript or JavaScript module. */
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DEFAULT_POLICY } from '../agent/core/default-policy/policy.ts';
import type { Policy } from '../agent/core/policy.ts';
import { checkOwnFile } from '../base/safe-path.ts';
import { badPolicyFile } from './errors.ts';

const NAME = /^[a-z][a-z0-9-]{0,63}$/;
const ANSWERS = [
  'admit',
  'place',
  'scale',
  'size',
  'giveWay',
  'gaveWay',
  'learn',
] as const satisfies readonly (keyof Policy)[];
const KNOWN: ReadonlySet<string> = new Set(['name', 'elastic', ...ANSWERS]);

/**
 * What the file does not answer, the default does; its name is the file's where it says none. The
 * file must be ours or root's: it runs with all that this process may. Throws HP_CLI_POLICY_FILE,
 * HP_PATH_UNSAFE. `version`: `?` and what tells a later text of the file from this one.
 */
export async function loadPolicy(path: string, version = ''): Promise<Policy> {
  const whole = resolve(path);
  let found: unknown;
  try {
    await checkOwnFile(whole);
    const loaded: { readonly default?: unknown } = await import(
      pathToFileURL(whole).href + version
    );
    found = loaded.default;
  } catch (error) {
    throw badPolicyFile(path, problemOf(error, whole));
  }
  if (!isObject(found)) throw badPolicyFile(path, 'its default export is no policy');
  if (!isPart(found)) throw badPolicyFile(path, wrongPart(found) ?? 'it is no policy');
  const name = basename(path).replace(/\.[^.]*$/, '');
  const policy: Policy = { ...DEFAULT_POLICY, name, ...found };
  if (NAME.test(policy.name)) return policy;
  throw badPolicyFile(path, `its name '${policy.name}' is not of lower-case letters, digits and -`);
}

/** How often a file is looked at. */
const LOOK_MS = 2_000;

/**
 * What its file says after it was changed, once for each change; null: nothing new. `tell`: what is
 * wrong with a text that cannot be used. The file is looked at until `signal`.
 */
export function watchPolicy(
  path: string,
  tell: (problem: unknown) => void,
  signal: AbortSignal,
): () => Policy | null {
  let fresh: Policy | null = null;
  let known = versionOf(path);
  const look = (): void => {
    const version = versionOf(path);
    if (version === null || version === known) return;
    known = version;
    loadPolicy(path, `?${version}`).then((policy) => {
      fresh = policy;
    }, tell);
  };
  const timer = setInterval(look, LOOK_MS).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return () => {
    const found = fresh;
    fresh = null;
    return found;
  };
}

/** Of a text: another one has another; null: the file is not there now. */
function versionOf(path: string): string | null {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts ? `${facts.mtimeMs}-${facts.size}` : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Of a policy: what else it has is nothing, and what it has is of its kind. */
function isPart(found: Readonly<Record<string, unknown>>): found is Partial<Policy> {
  return wrongPart(found) === null;
}

function wrongPart(found: Readonly<Record<string, unknown>>): string | null {
  for (const [key, value] of Object.entries(found)) {
    if (!KNOWN.has(key)) return `a policy has no '${key}', only ${[...KNOWN].join(', ')}`;
    const wanted = key === 'name' ? 'string' : key === 'elastic' ? 'boolean' : 'function';
    if (typeof value !== wanted) return `its '${key}' is no ${wanted}`;
  }
  return null;
}

/** With the line, which the engine tells where a stack would begin. */
function problemOf(error: unknown, path: string): string {
  if (!(error instanceof Error)) return String(error);
  const line = error.stack?.split('\n').find((one) => one.includes(`${path}:`));
  const at = line?.slice(line.indexOf(`${path}:`) + path.length + 1).match(/^\d+/)?.[0];
  const text = error.message.split('\n').find((one) => one.trim() !== '') ?? error.name;
  return at === undefined ? text : `line ${at}: ${text}`;
}
