/**
 * Goal: client and agent of different versions get one clear error, never answers that are misread.
 * Method: bytes of the other version over a real socket, in both directions.
 */
import { join } from 'node:path';
import { Client, credentials, Server, type ServiceError } from '@grpc/grpc-js';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import test from 'ava';
import { z } from 'zod';
import { fromStatus } from '../../../agent/api/status-codes.ts';
import { EXIT_CODES } from '../../../base/errors.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { specOf, WORK } from '../core/world.ts';
import { clientOf } from './listen.ts';
import { serve } from './serving.ts';
import { emulated } from '../../../agent/model/work.ts';

const asIs = (bytes: Buffer): Buffer => bytes;
const METHODS = ['Deploy', 'Invoke', 'Status', 'Remove', 'Drain', 'Watch'] as const;

/** Field 1, `function`, as version 1 and 2 have it. */
const NAMED = Buffer.from([0x0a, 0x01, 0x66]);

for (const method of METHODS) {
  test(`a client of protocol 1 that calls ${method} is told the versions`, async (t) => {
    const { socket_path } = await serve(t);
    const old = new Client(`unix:${socket_path}`, credentials.createInsecure());
    const { promise, resolve } = Promise.withResolvers<ServiceError>();
    const path = `/hotplane.agent.v1.Agent/${method}`;
    if (method === 'Watch') {
      const call = old.makeServerStreamRequest(path, asIs, asIs, Buffer.alloc(0));
      call.on('error', resolve).resume();
    } else {
      old.makeUnaryRequest(path, asIs, asIs, NAMED, (error) => error && resolve(error));
    }
    // What a client of version 1 makes of it: the error in the trailer has kept its place.
    const error = fromStatus(await promise, socket_path);
    old.close();
    t.like(error, { code: 'HP_AGENT_VERSION', category: 'unavailable' });
    t.regex(error.message, /hotplane 1\.2\.3 .*agent\.v3.*agent\.v1/);
    t.is(error.exit_code, EXIT_CODES['unavailable']);
  });
}

test('an agent of another protocol is told as that, by calls and by Watch', async (t) => {
  const server = new Server();
  server.register('/hotplane.agent.v1.Agent/Status', () => undefined, asIs, asIs, 'unary');
  const client = await clientOf(t, server);
  for (const call of [client.status(), client.deploy(specOf('f')), client.watch()]) {
    const error = await t.throwsAsync(call);
    t.like(error, { code: 'HP_AGENT_VERSION', category: 'unavailable' });
    t.regex(error?.message ?? '', /agent\.sock does not speak hotplane\.agent\.v3/);
  }
});

type Answer = (error: ServiceError | null, response: unknown) => void;
const foreignSchema = z.custom<Record<string, (request: object, answer: Answer) => void>>();

test('a client made from agent.proto alone deploys, invokes and asks', async (t) => {
  const { socket_path } = await serve(t);
  const definition = loadSync(join(PROJECT_ROOT, 'agent/api/agent.proto'), {
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
  });
  const serviceSchema = z.object({
    hotplane: z.object({
      agent: z.object({ v3: z.object({ Agent: z.custom<typeof Client>() }) }),
    }),
  });
  const { Agent } = serviceSchema.parse(loadPackageDefinition(definition)).hotplane.agent.v3;
  const agent = new Agent(`unix:${socket_path}`, credentials.createInsecure());
  t.teardown(() => agent.close());
  const call = (name: string, request: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const method = foreignSchema.parse(agent)[name];
      method?.call(agent, request, (error, response) =>
        error ? reject(error) : resolve(response),
      );
    });
  const fresh = specOf('f');
  const {
    backing: _,
    max_vms: _one,
    memory: _whole,
    instances: _all,
    network: _nowhere,
    tenant: _nobody,
    deadline_ms: _whenever,
    reclaim_slo: _no_promise,
    pool: _not_ahead,
    host_node: _anywhere,
    tiers: _one_node,
    program: _none,
    ...spec
  } = fresh;
  t.like(
    await call('Deploy', { function: spec }),
    { vmm: 'fake 1.0' },
    'what was added later is left out',
  );
  t.like(await call('Invoke', { function: 'f', ...emulated(WORK) }), {
    record: { outcome: 'done', cold: true },
  });
  t.like(await call('Status', {}), {
    functions: [{ vm_state: 'running', function: { ...spec, backing: 'anonymous', max_vms: 1 } }],
  });
});
