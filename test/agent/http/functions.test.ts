/** Functions as curl sees them: over real sockets, with a simulated VMM and guest. */
import test, { type ExecutionContext } from 'ava';
import { request } from 'node:http';
import { pino } from 'pino';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { headersOf, linesOf } from '../../../agent/model/http-head.ts';
import { emulated } from '../../../agent/model/work.ts';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { HELD_MS, heldHost } from '../api/held.ts';
import { serve } from '../api/serving.ts';
import { SERVER, specOf, WORK } from '../core/world.ts';
import { ask } from './asking.ts';

const log = pino({ level: 'silent' });

/** An agent with a built-in function `f` and one that serves HTTP, `shop`. */
async function shown(t: ExecutionContext, own: Parameters<typeof serve>[2] = {}) {
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, log);
  t.teardown(() => surface.close());
  const { agent, client } = await serve(t, undefined, own);
  surface.attach(agent);
  const shape = { concurrency: 1, keep_alive_ms: 600_000 };
  await client.deploy(specOf('f', shape));
  await client.deploy(specOf('shop', { ...shape, program: SERVER }));
  const where = { host: '127.0.0.1', port: surface.server.port ?? 0 };
  const call = (method: string, path: string, body?: Uint8Array | string, headers = {}) =>
    ask({ ...where, method, path, headers }, body);
  return { agent, client, where, call };
}

const FROM_A_PAGE = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
const LINKED = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };

const payloadOf = (work: object = {}) => emulated({ ...WORK, ...work }).payload;

test('a posted body is the payload, and the answer of the function the answer', async (t) => {
  const { call } = await shown(t);
  const done = await call('POST', '/functions/f', payloadOf(), { 'hotplane-invocation': 'mine' });
  t.like(done, { status: 200, type: 'application/json' });
  t.is(done.headers['hotplane-invocation'], 'mine');
  t.regex(String(done.headers['hotplane-instance']), /^i\d+$/);
  t.like(JSON.parse(done.body), { anonymous_bytes: WORK.anonymous_bytes });
});

test('asked again with its key, an invocation is answered as it was, and is not run again', async (t) => {
  const { call, agent } = await shown(t);
  const asked = (key: string, work = {}) =>
    call('POST', '/functions/f', payloadOf(work), { 'idempotency-key': key });
  const first = await asked('k');
  t.like(first, { status: 200 });
  t.like(await asked('k'), { status: 200, body: first.body });
  const ran = (): number[] =>
    [...agent.state.vms.values()].flatMap(({ instances }) =>
      instances.map(({ invocations }) => invocations),
    );
  t.deepEqual(ran(), [1]);
  t.is((await asked('k', { cpu_ms: 3 })).status, 409);
  t.is((await asked('other')).status, 200);
  t.deepEqual(ran(), [2]);
});

for (const [what, method, path, headers, size, status, code] of [
  ['no such function', 'POST', '/functions/none', {}, 0, 404, 'HP_AGENT_NO_FUNCTION'],
  ['a method', 'GET', '/functions/f', {}, 0, 405, 'HP_AGENT_HTTP_METHOD'],
  ['a path', 'POST', '/functions/f/a', {}, 0, 404, 'HP_AGENT_HTTP_PATH'],
  ['a payload too long', 'POST', '/functions/f', {}, 6 * MIB + 1, 413, 'HP_AGENT_HTTP_BODY'],
  ['what the guest refuses', 'POST', '/functions/f', {}, 5, 500, 'HP_GUEST_REFUSED'],
  [
    'no number',
    'POST',
    '/functions/f',
    { 'hotplane-timeout-ms': 'x' },
    0,
    400,
    'HP_AGENT_BAD_REQUEST',
  ],
  [
    'a path too long',
    'GET',
    `/functions/shop/${'p'.repeat(3_000)}`,
    {},
    0,
    400,
    'HP_AGENT_BAD_REQUEST',
  ],
  [
    'a header too long',
    'GET',
    '/functions/shop',
    { x: '"'.repeat(6_000) },
    0,
    400,
    'HP_AGENT_BAD_REQUEST',
  ],
  ['a page', 'POST', '/functions/f', { origin: 'http://a' }, 0, 403, 'HP_AGENT_HTTP_FOREIGN'],
  ['an image of a page', 'GET', '/functions/f/', FROM_A_PAGE, 0, 403, 'HP_AGENT_HTTP_FOREIGN'],
  ['a link of a page', 'GET', '/functions/f/', LINKED, 0, 403, 'HP_AGENT_HTTP_FOREIGN'],
] as const) {
  test(`${what} is refused as problem+json with ${status} ${code}`, async (t) => {
    const { call } = await shown(t);
    const refused = await call(method, path, Buffer.alloc(size), headers);
    t.like(refused, { status, type: 'application/problem+json' });
    const problem = JSON.parse(refused.body);
    t.like(problem, { type: 'about:blank', status, code });
    t.true(problem.detail.length > 0 && problem.next.length > 0);
  });
}

test('a body too long is refused also where it does not say how long it is', async (t) => {
  const { call } = await shown(t);
  const chunked = { 'transfer-encoding': 'chunked' };
  const refused = await call('POST', '/functions/f', Buffer.alloc(6 * MIB + 1), chunked);
  t.like(refused, { status: 413 });
});

test('an invocation that takes too long is told with 504', async (t) => {
  const { call } = await shown(t);
  const slow = payloadOf({ wall_ms: 2_000 });
  const late = await call('POST', '/functions/f', slow, { 'hotplane-timeout-ms': '50' });
  t.like(late, { status: 504 });
  t.is(JSON.parse(late.body).code, 'HP_GUEST_TIMEOUT');
});

test('a program that serves HTTP gets the request, and its status and header come back', async (t) => {
  const { call } = await shown(t);
  const headers = { 'x-name': 'Ada', connection: 'close, x-hop', 'x-hop': '1' };
  const told = await call('PUT', '/functions/shop/cart/7?all=%20', 'body', headers);
  t.is(told.status, 418);
  t.deepEqual(told.headers['set-cookie'], ['a=1', 'b=2']);
  t.is(told.headers['transfer-encoding'], undefined, 'of the other connection');
  const seen = JSON.parse(told.body);
  t.like(seen, { method: 'PUT', path: '/cart/7?all=%20', body: 'body' });
  t.regex(seen.fields, /x-name: Ada\r\n/);
  t.notRegex(seen.fields, /x-hop|content-length|connection/i);
  t.is(JSON.parse((await call('GET', '/functions/shop?a=b')).body).path, '/?a=b');
  t.like(await call('HEAD', '/functions/shop'), { status: 418, body: '' });
});

test('a caller that goes away ends its invocation, and the next gets another instance', async (t) => {
  const { hypervisor } = heldHost();
  const { agent, client, where, call } = await shown(t, { hypervisor });
  const records = agent.watch({ records: ['invocation'] });
  const sent = request({ ...where, method: 'POST', path: '/functions/f' });
  sent.on('error', () => undefined).end(payloadOf({ wall_ms: HELD_MS }));
  const busy = async () =>
    (await client.status('f')).functions[0]?.instances_busy === 1 ? 1 : null;
  await waitFor(busy, { clock: hostClock, deadline_ms: 30_000 });
  sent.destroy();
  let first: string | null = null;
  for await (const { invocation } of records) {
    t.like(invocation, { outcome: 'failed', error_code: 'HP_AGENT_CANCELLED' });
    first = invocation?.instance_id ?? null;
    records.close();
  }
  const next = await call('POST', '/functions/f', payloadOf());
  t.like(next, { status: 200 });
  t.not(next.headers['hotplane-instance'], first ?? '');
});

test('what a guest writes for header fields is taken apart, and what is none dropped', (t) => {
  const lines = 'A: 1\nB: \u0001\n: 3\nno field\nC:4\nConnection: A\nContent-Length: 7\nD: ë';
  t.deepEqual(headersOf(lines), [{ name: 'D', value: 'ë' }]);
  t.is(linesOf([{ name: 'Content-Type', value: 'a/b' }], 'c/d'), 'Content-Type: c/d\r\n');
});
