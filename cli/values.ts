/** The options of one call, read by name with their unit. All errors are HP_CLI_BAD_VALUE. */
import { assert } from '../base/assert.ts';
import { parseBytes, sizeWanted } from '../base/units.ts';
import { badValue } from './errors.ts';

export type RawValue = string | boolean | (string | boolean)[] | undefined;

export class Values {
  readonly raw: Readonly<Record<string, RawValue>>;

  constructor(raw: Readonly<Record<string, RawValue>>) {
    this.raw = raw;
  }

  /** The text of an option, or undefined when it was not given and has no default. */
  optional(name: string): string | undefined {
    const value = this.raw[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** The text of an option that is required or has a default. */
  text(name: string): string {
    const value = this.optional(name);
    assert(value !== undefined, `option --${name} is declared with a default or as required`);
    return value;
  }

  flag(name: string): boolean {
    return this.raw[name] === true;
  }

  list(name: string): string[] {
    const value = this.raw[name];
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
  }

  /** `256MiB`, `2GiB` or bytes. */
  bytes(name: string): number {
    const text = this.text(name);
    const bytes = parseBytes(text);
    if (bytes === null || bytes <= 0) throw badValue(name, text, sizeWanted(text));
    return bytes;
  }

  /** A number, decimals allowed, within bounds. */
  number(name: string, lowest: number, highest: number): number {
    const text = this.text(name);
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= lowest && value <= highest) return value;
    throw badValue(name, text, `a number from ${lowest} to ${highest}`);
  }

  whole(name: string, lowest: number, highest: number): number {
    const value = this.number(name, lowest, highest);
    if (Number.isInteger(value)) return value;
    throw badValue(name, this.text(name), 'a whole number');
  }

  /** One of `choices`, typed. */
  choice<T extends string>(name: string, choices: readonly T[]): T {
    const found = choices.find((choice) => choice === this.text(name));
    if (found !== undefined) return found;
    throw badValue(name, this.text(name), `one of ${choices.join(', ')}`);
  }
}

/** Every option that was given or has a default, as text, for a record. */
export function textsOf(values: Values): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(values.raw)) {
    if (name !== 'json' && name !== 'out' && value !== undefined) texts[name] = String(value);
  }
  return texts;
}
