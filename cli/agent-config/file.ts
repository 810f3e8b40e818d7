/** The agent's configuration file: the keys of the table, each once, with its place. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { checkOwnFile } from '../../base/safe-path.ts';
import { errnoOf } from '../../base/system-error.ts';
import { checkYaml, readYaml, type YamlPosition, type YamlText } from '../../base/yaml.ts';
import { CONFIG_KEYS, type ConfigKey } from './keys.ts';

/** Read when no other is named, and it is there. */
export const USUAL_CONFIG_FILE = '/etc/hotplane/agent.yaml';
/** Instead of a file's name: none is read. */
const NO_CONFIG_FILE = 'none';
/** Names the file where --config does not. */
const CONFIG_FILE_VARIABLE = 'HOTPLANE_CONFIG';

export interface FileValue extends YamlPosition {
  readonly text: string;
}

export interface ConfigFile {
  readonly path: string;
  /** By the name of their key. */
  readonly values: ReadonlyMap<string, FileValue>;
}

/**
 * The file that `--config`, else $HOTPLANE_CONFIG names, else the usual one; null: none is there,
 * or none is wanted. Throws HP_YAML, HP_PATH_UNSAFE, or the system's error when a named one is
 * missing.
 */
export async function findConfigFile(
  named: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<ConfigFile | null> {
  const variable = env[CONFIG_FILE_VARIABLE];
  const wanted = named ?? (variable === '' ? undefined : variable);
  if (wanted === NO_CONFIG_FILE) return null;
  if (wanted !== undefined) return await readConfigFile(resolve(wanted));
  return (await isThere(USUAL_CONFIG_FILE)) ? await readConfigFile(USUAL_CONFIG_FILE) : null;
}

/** Reads and checks one file. Throws as {@link findConfigFile}. */
export async function readConfigFile(file_path: string): Promise<ConfigFile> {
  // It names programs that the agent runs: whoever writes it is the agent.
  await checkOwnFile(file_path);
  const text = await readYaml(file_path);
  const given = checkYaml(text, fileSchema());
  const problems = CONFIG_KEYS.flatMap((key) => {
    if (given[key.name] === undefined) return [];
    const shown = textOf(text, key, given[key.name]);
    const wanted = key.kind.wanted(shown);
    return wanted === null ? [] : [text.problemAt([key.name], `is '${shown}'; give ${wanted}`)];
  });
  if (problems.length > 0) throw text.error(problems.toSorted((a, b) => a.line - b.line));
  const values = new Map<string, FileValue>();
  for (const key of CONFIG_KEYS) {
    const value = given[key.name];
    if (value === undefined) continue;
    const position = text.positionOf([key.name]);
    values.set(key.name, { text: valueOf(text, key, value), ...position });
  }
  return { path: file_path, values };
}

const valueSchema = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())], {
  error: 'must be a text, a number, true or false, or a list of texts',
});
type GivenValue = z.infer<typeof valueSchema>;

/** Made when it is asked for: extensions may add to the table's choices. */
function fileSchema(): z.ZodType<Partial<Record<string, GivenValue>>> {
  const shape = CONFIG_KEYS.map(({ name }) => [name, valueSchema.optional()] as const);
  return z.strictObject(Object.fromEntries(shape));
}

/** As it stands there: `0660` is no number of another base. */
function textOf(text: YamlText, key: ConfigKey, value: GivenValue | undefined): string {
  return Array.isArray(value) ? value.join(',') : (text.sourceOf([key.name]) ?? String(value));
}

/** Paths count from the folder of the file that names them. */
function valueOf(text: YamlText, key: ConfigKey, value: GivenValue): string {
  const given = textOf(text, key, value);
  const is_path = key.kind.is_path === true && given.includes('/');
  return is_path ? resolve(dirname(text.path), given) : given;
}

async function isThere(file_path: string): Promise<boolean> {
  try {
    await stat(file_path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
