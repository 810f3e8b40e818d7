/** What the commands of mux have in common: cost model, entry, attributes. */
import { z } from 'zod';
import { type Attribute, attributeOf, attributeSchema } from '../agent/expression/attributes.ts';
import { COST_MODEL_NAMES } from '../autoscaler/mux/models.ts';
import { checkYaml, readYaml } from '../base/yaml.ts';
import type { OptionSpec } from './command.ts';
import { badValue } from './errors.ts';
import type { Values } from './values.ts';

export const MUX_OPTIONS = {
  model: {
    value: 'NAME',
    summary: 'what values take',
    choices: COST_MODEL_NAMES,
    default: 'cpython-3.11 or node-24',
    default_is_told: true,
  },
  attribute: {
    value: 'NAME=VALUE',
    summary: 'a fact that the source cannot tell: size(key)=5MiB, or where the payload has it: /n',
    multiple: true,
  },
  attributes: { value: 'FILE', summary: 'such facts as YAML or JSON: NAME: VALUE, or { max: N }' },
} as const satisfies Record<string, OptionSpec>;

/** Throws HP_CLI_BAD_VALUE, HP_YAML, HP_MUX_INTERFACE, HP_FILE_NOT_PLAIN. */
export async function muxOptions(values: Values) {
  const given = values.optional('model');
  const model = given === undefined ? null : values.choice('model', COST_MODEL_NAMES);
  const file = values.optional('attributes');
  const attributes = new Map<string, Attribute>();
  if (file !== undefined) {
    const read = checkYaml(await readYaml(file), z.record(z.string(), attributeSchema));
    for (const [name, one] of Object.entries(read)) attributes.set(name, attributeOf(name, one));
  }
  for (const text of values.list('attribute')) {
    const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw badValue('attribute', text, 'NAME=VALUE, like size(object.key)=5MiB');
    }
    attributes.set(name.trim(), attributeOf(name.trim(), value.trim()));
  }
  return { model, attributes };
}
