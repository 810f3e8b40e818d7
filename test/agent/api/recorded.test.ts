/**
 * Goal: within a version of the protocol, old and new understand each other.
 * Method: `recorded/` has the definition of hotplane.agent.v3 as it was when it was new, and
 * messages that the codec of that time wrote, with every field and with none that may be absent.
 * They are read by the codec of today; what that writes is read by the definition of then.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSync, type MethodDefinition, type PackageDefinition } from '@grpc/proto-loader';
import test from 'ava';
import { z } from 'zod';
import { SERVICE } from '../../../agent/api/service.ts';
import { API_PROTOCOL } from '../../../agent/model/methods.ts';
import { assert } from '../../../base/assert.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';

const FOLDER = join(PROJECT_ROOT, 'test', 'agent', 'api', 'recorded');
const OPTIONS = { keepCase: true, longs: Number, enums: String, bytes: Array, oneofs: false };

const recordedSchema = z.array(
  z.object({
    method: z.string(),
    side: z.enum(['request', 'response']),
    full: z.boolean(),
    bytes: z.base64(),
    message: z.record(z.string(), z.unknown()),
  }),
);
const RECORDED = recordedSchema.parse(
  JSON.parse(readFileSync(join(FOLDER, 'messages.json'), 'utf8')),
);
const THEN = loadSync(join(FOLDER, 'agent.proto'), OPTIONS);
const NOW = loadSync(join(PROJECT_ROOT, 'agent', 'api', 'agent.proto'), OPTIONS);

/** Any method of today: what it reads is written again without a look at its type. */
interface Codec {
  readonly decodeRequest: (bytes: Buffer) => unknown;
  readonly encodeRequest: (message: never) => Buffer;
  readonly decodeResponse: (bytes: Buffer) => unknown;
  readonly encodeResponse: (message: never) => Buffer;
}
const CODECS: Readonly<Record<string, Codec>> = SERVICE;
const anySchema = z.custom<never>();

/** As the recording has them: bytes as base64. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

/** `now` has what `then` has; what was added since says nothing. */
function onlyAdded(then: unknown, now: unknown, path: string): string[] {
  if (Array.isArray(then) && Array.isArray(now)) {
    if (then.length !== now.length) return [`${path}: ${now.length} of ${then.length}`];
    return then.flatMap((one, index) => onlyAdded(one, now[index], `${path}.${index}`));
  }
  if (!isRecord(then) || !isRecord(now)) {
    return Object.is(then, now) ? [] : [`${path}: ${String(now)}, was ${String(then)}`];
  }
  const known = Object.keys(then).flatMap((key) =>
    onlyAdded(then[key], now[key], `${path}.${key}`),
  );
  const added = Object.entries(now).filter(([key]) => !(key in then));
  const told = added.filter(([, value]) => !isNothing(value)).map(([key]) => `${path}.${key}: new`);
  return [...known, ...told];
}

const FILLED_IN = /: new$|, was null$/;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNothing = (value: unknown): boolean =>
  value === null || value === 0 || value === '' || value === false || isEmpty(value);
const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

for (const [index, { method, side, full, bytes, message }] of RECORDED.entries()) {
  const what = `${index}: ${side} of ${method}, ${full ? 'every field' : 'as few as can be'}`;

  test(`${what}: what was written then is read now, and written so that it is read then`, (t) => {
    const codec = CODECS[method];
    assert(codec, `${method} is there`);
    const then = Buffer.from(bytes, 'base64');
    const is_request = side === 'request';
    const read = is_request ? codec.decodeRequest(then) : codec.decodeResponse(then);
    // What a request leaves out is filled in when it is read.
    const differs = (one: unknown, other: unknown): string[] =>
      onlyAdded(one, other, '').filter((text) => !is_request || full || !FILLED_IN.test(text));
    t.deepEqual(differs(message, plain(read)), []);

    const again = anySchema.parse(read);
    const now = is_request ? codec.encodeRequest(again) : codec.encodeResponse(again);
    const old = methodOf(THEN, method);
    const decode = is_request ? old.requestDeserialize : old.responseDeserialize;
    t.deepEqual(differs(decode(then), decode(now)), []);
  });
}

function methodOf(found: PackageDefinition, name: string): MethodDefinition<object, object> {
  const service: Readonly<Record<string, unknown>> = { ...found[`${API_PROTOCOL}.Agent`] };
  const method = service[name];
  assert(isMethod(method), `there is a method ${name}`);
  return method;
}

function isMethod(value: unknown): value is MethodDefinition<object, object> {
  return isRecord(value) && 'requestDeserialize' in value && 'responseDeserialize' in value;
}

test('an unknown field of a newer peer is left out, on both sides', (t) => {
  // Field 900, a text: no message has it.
  const unknown = Buffer.from([0xa2, 0x38, 0x03, 0x6e, 0x65, 0x77]);
  for (const { method, side, bytes } of RECORDED) {
    const codec = CODECS[method];
    assert(codec, `${method} is there`);
    const whole = Buffer.from(bytes, 'base64');
    const more = Buffer.concat([whole, unknown]);
    const decode = side === 'request' ? codec.decodeRequest : codec.decodeResponse;
    t.deepEqual(decode(more), decode(whole), `${side} of ${method}`);
  }
});

const typeSchema = z.object({
  type: z.object({
    field: z.array(
      z.object({ name: z.string(), number: z.number(), type: z.string(), label: z.string() }),
    ),
  }),
});

test('no field that was there has another number, type or label now', (t) => {
  let fields = 0;
  for (const [name, definition] of Object.entries(THEN)) {
    const then = typeSchema.safeParse(definition);
    if (!then.success) continue;
    const now = typeSchema.parse(NOW[name]);
    for (const field of then.data.type.field) {
      fields += 1;
      const found = now.type.field.find(({ number }) => number === field.number);
      t.deepEqual(found, field, `${name}.${field.name}`);
    }
  }
  t.true(fields > 100);
});
