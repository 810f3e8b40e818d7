/**
 * A client that knows nothing of us but the two standard services finds out what there is, and
 * calls it.
 */
import test from 'ava';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import {
  loadFileDescriptorSetFromBuffer,
  loadSync,
  type MethodDefinition,
  type PackageDefinition,
} from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { z } from 'zod';
import { API_PROTOCOL } from '../../../agent/model/methods.ts';
import { assert } from '../../../base/assert.ts';
import { serve } from './serving.ts';

const require = createRequire(import.meta.url);
/** The published definitions, as any other client has them. */
const OPTIONS = { keepCase: true, longs: Number, enums: String, defaults: true };
const REFLECTION = loadSync(
  join(
    dirname(require.resolve('@grpc/reflection')),
    '../proto/grpc/reflection/v1/reflection.proto',
  ),
  OPTIONS,
);
const HEALTH = loadSync(protoPath, OPTIONS);
const AGENT = `${API_PROTOCOL}.Agent`;

function isMethod(value: unknown): value is MethodDefinition<object, object> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'path' in value &&
    'requestSerialize' in value &&
    'responseDeserialize' in value
  );
}

function methodOf(found: PackageDefinition, service: string, name: string) {
  const methods: Readonly<Record<string, unknown>> = { ...found[service] };
  const method = methods[name];
  assert(isMethod(method), `${service} has no method ${name}`);
  return method;
}

function unary(client: Client, method: MethodDefinition<object, object>, request: object) {
  const { promise, resolve, reject } = Promise.withResolvers<object | undefined>();
  client.makeUnaryRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    (error, answer) => (error ? reject(error) : resolve(answer)),
  );
  return promise;
}

/** One question to server reflection. */
async function reflect(client: Client, request: object): Promise<unknown> {
  const service = 'grpc.reflection.v1.ServerReflection';
  const method = methodOf(REFLECTION, service, 'ServerReflectionInfo');
  const { path, requestSerialize, responseDeserialize } = method;
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  call.end(request);
  let answer: unknown;
  for await (const one of call) answer = one;
  return answer;
}

const servicesSchema = z.object({
  list_services_response: z.object({ service: z.array(z.object({ name: z.string() })) }),
});
const filesSchema = z.object({
  file_descriptor_response: z.object({
    file_descriptor_proto: z.array(z.instanceof(Uint8Array)),
  }),
});

/** Files as a FileDescriptorSet: each is its field 1, with its length before it. */
function setOf(files: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    files.flatMap((file) => {
      const head = [0x0a];
      for (let left = file.length; ; left = Math.floor(left / 128)) {
        head.push((left % 128) | (left >= 128 ? 128 : 0));
        if (left < 128) break;
      }
      return [Buffer.from(head), file];
    }),
  );
}

test('by reflection alone a client finds the agent, its methods, and calls one', async (t) => {
  const { socket_path } = await serve(t);
  const client = new Client(`unix:${socket_path}`, credentials.createInsecure());
  t.teardown(() => client.close());
  const listed = servicesSchema.parse(await reflect(client, { list_services: '' }));
  const names = listed.list_services_response.service.map(({ name }) => name);
  t.true(names.includes(AGENT), names.join(', '));
  const told = filesSchema.parse(await reflect(client, { file_containing_symbol: AGENT }));
  const files = told.file_descriptor_response.file_descriptor_proto;
  const found = loadFileDescriptorSetFromBuffer(setOf(files), OPTIONS);
  const status = methodOf(found, AGENT, 'Status');
  t.is(status.path, `/${AGENT}/Status`);
  t.like(await unary(client, status, {}), { version: '1.2.3', functions: [] });
});

test('grpc.health.v1 says that the agent serves, and knows no other service', async (t) => {
  const { socket_path } = await serve(t);
  const client = new Client(`unix:${socket_path}`, credentials.createInsecure());
  t.teardown(() => client.close());
  const check = methodOf(HEALTH, 'grpc.health.v1.Health', 'Check');
  for (const service of ['', AGENT]) {
    t.like(await unary(client, check, { service }), { status: 'SERVING' }, service);
  }
  await t.throwsAsync(unary(client, check, { service: 'other' }), { message: /NOT_FOUND/ });
});

test('who watches the health is told when the agent stops', async (t) => {
  const { socket_path, server } = await serve(t);
  const client = new Client(`unix:${socket_path}`, credentials.createInsecure());
  t.teardown(() => client.close());
  const { path, requestSerialize, responseDeserialize } = methodOf(
    HEALTH,
    'grpc.health.v1.Health',
    'Watch',
  );
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {
    service: AGENT,
  });
  call.on('error', () => undefined);
  const told: unknown[] = [];
  for await (const one of call) {
    told.push(z.object({ status: z.string() }).parse(one).status);
    if (told.length === 1) void server.close(0);
    if (told.length === 2) break;
  }
  t.deepEqual(told, ['SERVING', 'NOT_SERVING']);
});
