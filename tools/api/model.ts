/** The messages of the API as the wire has them, from their schemas. Pure. */
import { z } from 'zod';
import { assert } from '../../base/assert.ts';

/** What the wire can name; a choice among words that it cannot travels as text. */
const IDENTIFIER = /^[a-z][a-z0-9_]*$/;

export type Scalar = 'string' | 'bool' | 'bytes' | 'uint64' | 'double';

export type WireType =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'message'; readonly message: string }
  /** The first of `values` stands for: none was told. */
  | { readonly kind: 'enum'; readonly name: string; readonly values: readonly string[] }
  /** From text to these; `name` is that of one entry, as proto has it. */
  | { readonly kind: 'map'; readonly name: string; readonly scalar: Scalar };

export interface WireField {
  readonly name: string;
  readonly number: number;
  readonly label: 'required' | 'optional' | 'repeated';
  readonly type: WireType;
  readonly text: string | null;
}

export interface WireMessage {
  readonly name: string;
  readonly text: string | null;
  readonly fields: readonly WireField[];
  /** The name of the one of which all fields are members. */
  readonly oneof: string | null;
}

/** These messages and all that they are made of, each once, in the order of first use. */
export function wireMessages(schemas: readonly z.ZodObject[]): WireMessage[] {
  const found = new Map<string, WireMessage>();
  const visit = (schema: z.ZodObject): void => {
    const message = wireMessage(schema);
    if (found.has(message.name)) return;
    found.set(message.name, message);
    for (const value of Object.values(schema.shape)) {
      const part = plain(value);
      if (part instanceof z.ZodObject) visit(part);
    }
  };
  for (const schema of schemas) visit(schema);
  return [...found.values()];
}

/** One message. Throws when a field has no number, or that of another. */
function wireMessage(schema: z.ZodObject): WireMessage {
  const name = messageName(schema);
  const { description, oneof } = schema.meta() ?? {};
  const fields = Object.entries(schema.shape).map(([key, value]) => wireField(key, value, name));
  assert(
    new Set(fields.map(({ number }) => number)).size === fields.length,
    `two fields of ${name} have one number`,
  );
  const words = fields.flatMap(({ type }) => (type.kind === 'enum' ? type.values : []));
  assert(new Set(words).size === words.length, `two enums of ${name} have one value`);
  return {
    name,
    text: description ?? null,
    fields,
    oneof: typeof oneof === 'string' ? oneof : null,
  };
}

export function messageName(schema: z.ZodObject): string {
  const name = schema.meta()?.['message'];
  assert(typeof name === 'string', 'a message has a name');
  return name;
}

function wireField(name: string, schema: z.core.$ZodType, message: string): WireField {
  const { number, description } = z.globalRegistry.get(schema) ?? {};
  assert(typeof number === 'number', `${message}.${name} has a number`);
  return { name, number, ...labelled(schema, name), text: description ?? null };
}

function labelled(schema: z.core.$ZodType, name: string): Pick<WireField, 'label' | 'type'> {
  const type = typeOf(plain(schema), name);
  for (let one: z.core.$ZodType | null = schema; one !== null; one = inner(one)) {
    if (one instanceof z.ZodNullable) return { label: 'optional', type };
    if (one instanceof z.ZodArray) return { label: 'repeated', type };
  }
  return { label: 'required', type };
}

/** What is left without null, defaults, lists and what is done to a value after it was read. */
function plain(schema: z.core.$ZodType): z.core.$ZodType {
  const one = inner(schema);
  return one === null ? schema : plain(one);
}

function inner(schema: z.core.$ZodType): z.core.$ZodType | null {
  if (schema instanceof z.ZodPipe) return schema.in;
  if (schema instanceof z.ZodArray) return schema.element;
  const is_wrapped =
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodReadonly;
  return is_wrapped ? schema.unwrap() : null;
}

function typeOf(schema: z.core.$ZodType, name: string): WireType {
  if (schema instanceof z.ZodObject) return { kind: 'message', message: messageName(schema) };
  if (schema instanceof z.ZodRecord) {
    return { kind: 'map', name: `${pascalCase(name)}Entry`, scalar: scalarOf(schema.valueType) };
  }
  if (!(schema instanceof z.ZodEnum)) return { kind: 'scalar', scalar: scalarOf(schema) };
  const words = schema.options.map(String);
  if (!words.every((word) => IDENTIFIER.test(word))) return { kind: 'scalar', scalar: 'string' };
  const values = [`${name}_unspecified`, ...words];
  return { kind: 'enum', name: pascalCase(name), values };
}

function scalarOf(schema: z.core.$ZodType): Scalar {
  if (schema instanceof z.ZodString) return 'string';
  if (schema instanceof z.ZodBoolean) return 'bool';
  if (schema instanceof z.ZodCustom) return 'bytes';
  assert(schema instanceof z.ZodNumber, 'the wire knows the type of every field');
  return schema.format === 'safeint' ? 'uint64' : 'double';
}

function pascalCase(name: string): string {
  return name.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
