/** agent.proto, loaded once: how each method's messages go to and from the wire. */
import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition, type ServiceDefinition } from '@grpc/proto-loader';
import { z } from 'zod';
import { assert } from '../../base/assert.ts';
import { HotplaneError } from '../../base/errors.ts';

const PACKAGE = 'hotplane.agent.v1';

const descriptorSchema = z.object({
  oneofDecl: z.array(z.object({ name: z.string() })),
  field: z.array(
    z.object({ name: z.string(), type: z.string(), typeName: z.string(), label: z.string() }),
  ),
});
type Descriptor = z.infer<typeof descriptorSchema>;
type Field = Descriptor['field'][number];

const definitions = loadSync(fileURLToPath(new URL('agent.proto', import.meta.url)), {
  keepCase: true,
  longs: String,
  defaults: true,
  oneofs: true,
});

function isService(value: object): value is ServiceDefinition {
  return !('format' in value);
}

function isMessage(value: object | undefined): value is MessageTypeDefinition<object, object> {
  return value !== undefined && 'type' in value;
}

const DESCRIPTORS: ReadonlyMap<string, Descriptor> = new Map(
  Object.entries(definitions).flatMap(([name, definition]) =>
    isMessage(definition)
      ? [[name.slice(PACKAGE.length + 1), descriptorSchema.parse(definition.type)]]
      : [],
  ),
);

/** Fields of every message of the package, by its short name. */
export const MESSAGES: ReadonlyMap<string, readonly Field[]> = new Map(
  [...DESCRIPTORS].map(([name, { field }]) => [name, field]),
);

/** An `optional` field is alone in a oneof named `_<field>`, which the decoder tells of too. */
const OPTIONAL = /^_(.+)$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * 64-bit numbers come as text: turned into numbers here, once, or refused above 2^53. Optional
 * fields that are absent become null.
 */
export function withCheckedNumbers(message: string, value: unknown): unknown {
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = { ...value };
  for (const { name, type, typeName } of MESSAGES.get(message) ?? []) {
    const field = value[name];
    if (field === undefined || field === null) continue;
    const convert = (one: unknown): unknown => {
      if (type === 'TYPE_MESSAGE') return withCheckedNumbers(typeName, one);
      return type === 'TYPE_UINT64' ? checkedNumber(`${message}.${name}`, one) : one;
    };
    result[name] = Array.isArray(field) ? field.map(convert) : convert(field);
  }
  for (const { name: oneof } of DESCRIPTORS.get(message)?.oneofDecl ?? []) {
    const [, name] = OPTIONAL.exec(oneof) ?? [];
    if (name === undefined) continue;
    delete result[oneof];
    result[name] ??= null;
  }
  return result;
}

function checkedNumber(field: string, value: unknown): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new HotplaneError({
    code: 'HP_AGENT_BAD_NUMBER',
    category: 'usage',
    message: `${field} is ${String(value)}, which does not fit into 53 bits.`,
    next: 'send a smaller number.',
  });
}

export interface Method {
  readonly path: string;
  readonly encodeRequest: (value: object) => Buffer;
  readonly decodeRequest: (bytes: Buffer) => unknown;
  readonly encodeResponse: (value: object) => Buffer;
  readonly decodeResponse: (bytes: Buffer) => unknown;
  readonly responseStream: boolean;
}

export type MethodName = 'Deploy' | 'Invoke' | 'Status' | 'Remove' | 'Drain' | 'Watch';

/** One method of the service. Numbers are not checked yet: see withCheckedNumbers. */
export function methodOf(name: MethodName): Method {
  const service = definitions[`${PACKAGE}.Agent`];
  assert(service && isService(service), 'agent.proto has the service Agent');
  const method = service[name];
  assert(method, `agent.proto has the method ${name}`);
  return {
    path: method.path,
    encodeRequest: method.requestSerialize,
    decodeRequest: method.requestDeserialize,
    encodeResponse: method.responseSerialize,
    decodeResponse: method.responseDeserialize,
    responseStream: method.responseStream,
  };
}
