/**
 * The transport for any REST server on a Unix socket: its words are the server's, its rules its
 * own.
 */
import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMaker, HotplaneError } from '../../../base/errors.ts';
import { type RestServer, sentState } from '../../../hypervisor-client/rest/server.ts';
import { Transport } from '../../../hypervisor-client/rest/transport.ts';

const makeError = errorMaker<'HP_OTHER_WAY' | 'HP_OTHER_ANSWER'>({
  HP_OTHER_WAY: { category: 'unavailable', next: 'look at the way.', meaning: 'The way.' },
  HP_OTHER_ANSWER: { category: 'usage', next: 'look at the answer.', meaning: 'The answer.' },
});

/** Nothing of it is like Cloud Hypervisor: no prefix, another probe, changes by PATCH. */
const OTHER: RestServer = {
  prefix: '/',
  probe_route: 'version',
  closing_statuses: [],
  limits: {
    calls_queued: 1,
    request_bytes: 100,
    answer_bytes: 100,
    error_body_bytes: 10,
    keep_alive_ms: 1_000,
  },
  troubleError: (trouble, message, facts) =>
    makeError('HP_OTHER_WAY', message, { ...facts, details: { ...facts.details, trouble } }),
  answerError: ({ status, body, truncated }) =>
    makeError('HP_OTHER_ANSWER', `${status}: ${body}.`, {
      details: { status, truncated, sent: 'yes' },
    }),
};

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

/** `seen`: the requests that the server took, in order. */
async function rig(t: ExecutionContext, serve: Serve) {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-rest-'));
  const socket_path = join(folder, 'api.sock');
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    serve(request, response);
  });
  server.listen(socket_path);
  await once(server, 'listening');
  const transport = new Transport(OTHER, { socket_path, deadline_ms: 10_000 });
  t.teardown(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { transport, seen };
}

const failure = async (t: ExecutionContext, call: Promise<unknown>): Promise<HotplaneError> =>
  (await t.throwsAsync(call, { instanceOf: HotplaneError })) ?? t.fail();

test('routes carry the prefix of the server, and its answers come back', async (t) => {
  const { transport, seen } = await rig(t, (_, response) => response.end('{"size":1}'));
  t.is((await transport.call({ method: 'GET', route: 'hotplug/memory' })).body, '{"size":1}');
  await transport.call({ method: 'PATCH', route: 'hotplug/memory', body: { size: 2 } });
  t.deepEqual(seen, ['GET /hotplug/memory', 'PATCH /hotplug/memory']);
});

test('errors are those of the server, with what is known of the request', async (t) => {
  const { transport } = await rig(t, (request, response) => {
    if (request.url === '/refused') response.writeHead(400).end('a long reason why');
    else response.end('x'.repeat(101));
  });
  const refused = await failure(t, transport.call({ method: 'PUT', route: 'refused' }));
  t.is(refused.code, 'HP_OTHER_ANSWER');
  t.is(refused.message, '400: a long rea.');
  t.is(refused.details['truncated'], true);
  const flood = await failure(t, transport.call({ method: 'GET', route: 'flood' }));
  t.like(flood, { code: 'HP_OTHER_WAY', details: { trouble: 'protocol', sent: 'yes' } });
  const fat = { method: 'PUT', route: 'fat', body: { text: 'x'.repeat(100) } } as const;
  const kept = await failure(t, transport.call(fat));
  t.like(kept, { code: 'HP_OTHER_WAY', details: { trouble: 'bad-argument', sent: 'no' } });
});

test('calls beyond the queue are refused', async (t) => {
  const held: ServerResponse[] = [];
  const { transport } = await rig(t, (_, response) => held.push(response));
  const calls = [1, 2, 3].map(
    async (number) => await transport.call({ method: 'GET', route: `${number}` }),
  );
  const settled = Promise.allSettled(calls);
  t.like(await failure(t, calls[2] ?? Promise.resolve()), { details: { trouble: 'busy' } });
  await transport.close();
  const outcomes = (await settled).map(({ status }) => status);
  t.deepEqual(outcomes, ['rejected', 'rejected', 'rejected']);
});

test('after a change of unknown fate the next one waits for an answered probe', async (t) => {
  const { transport, seen } = await rig(t, (request, response) => {
    if (request.url === '/lost') request.socket.destroy();
    else response.end('{}');
  });
  const lost = await failure(t, transport.call({ method: 'PATCH', route: 'lost' }));
  t.is(lost.details['trouble'], 'closed');
  t.is(sentState(lost), 'maybe');
  t.true(transport.uncertain);
  await transport.call({ method: 'PATCH', route: 'next' });
  t.deepEqual(seen, ['PATCH /lost', 'GET /version', 'PATCH /next'], 'and nothing is sent twice');
  t.false(transport.uncertain);
});
