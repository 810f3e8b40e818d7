/** What an operator's probes and Prometheus see of an agent, over real sockets. */
import test, { type ExecutionContext } from 'ava';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { HTTP_ADDRESS_WANTED, parseHttpAddress } from '../../../agent/http/address.ts';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { GIB, MIB } from '../../../base/units.ts';
import { METRICS_PAGE_PATH, renderMetricsPage } from '../../../tools/metrics-page.ts';
import { fakeHost } from '../../fakes/host.ts';
import { specOf, WORK } from '../core/world.ts';
import { serve } from '../api/serving.ts';
import { emulated } from '../../../agent/model/work.ts';
import { ask } from './asking.ts';

const log = pino({ level: 'silent' });

async function surfaceOf(t: ExecutionContext) {
  const surface = await HttpSurface.listen({ host: '127.0.0.1', port: 0 }, log);
  t.teardown(() => surface.close());
  const port = surface.server.port ?? 0;
  const get = (path: string, more: object = {}) => ask({ host: '127.0.0.1', port, path, ...more });
  return { surface, get };
}

/** The samples of an exposition: `name{labels}` to value. */
function samplesOf(text: string): ReadonlyMap<string, number> {
  const rows = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    rows.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

test('an agent that starts lives and is not ready, then serves, stops, or has failed', async (t) => {
  const { surface, get } = await surfaceOf(t);
  const { agent } = await serve(t);
  t.like(await get('/healthz'), { status: 200 });
  t.like(await get('/readyz'), { status: 503 });
  t.regex((await get('/readyz')).body, /^starting: .*\n$/);
  t.like(await get('/metrics'), { status: 503 }, 'nothing to measure yet');
  surface.attach(agent);
  surface.serving();
  t.like(await get('/readyz'), { status: 200, body: 'ok\n' });
  surface.stopping();
  t.like(await get('/readyz'), { status: 503 });
  t.like(await get('/healthz'), { status: 200 });
});

test('an agent that found a fault of its own is told as that, whatever comes later', async (t) => {
  const { surface, get } = await surfaceOf(t);
  const { agent } = fakeHost();
  surface.attach(agent);
  surface.serving();
  agent.failStop(new Error('made up'), {});
  await agent.fatal;
  surface.serving();
  const health = await get('/healthz');
  t.is(health.status, 500);
  t.regex(health.body, /^failed: .*made up/);
  t.is((await get('/readyz')).status, 503);
  await t.throwsAsync(agent.stop(0), { code: 'HP_AGENT_FATAL' });
});

test('the metrics say what Status says', async (t) => {
  const { surface, get } = await surfaceOf(t);
  const { agent, client } = await serve(t, 8 * GIB);
  surface.attach(agent);
  await client.deploy(
    specOf('f', { limit_bytes: 256 * MIB, concurrency: 2, keep_alive_ms: 600_000 }),
  );
  for (const invocation_id of ['a', 'b', 'c']) {
    const { outcome } = await agent.invoke('f', invocation_id, emulated(WORK));
    t.is(outcome, 'done');
  }
  await client.drain('f');
  const { status, type, body } = await get('/metrics');
  t.is(status, 200);
  t.regex(type, /^text\/plain; version=0\.0\.4/);
  const samples = samplesOf(body);
  const told = await client.status('f');
  const [fn] = told.functions;
  t.is(samples.get('hotplane_memory_limit_bytes'), told.host_limit_bytes);
  t.is(samples.get('hotplane_memory_granted_bytes'), told.granted_bytes);
  t.is(samples.get('hotplane_function_boot_bytes{function="f"}'), fn?.boot_bytes);
  t.is(samples.get('hotplane_function_permit_bytes{function="f"}'), fn?.permits_bytes);
  t.is(samples.get('hotplane_vms{state="running"}'), 1);
  t.is(samples.get('hotplane_build_info{version="1.2.3"}'), 1);
  t.is(samples.get('hotplane_invocations_total{function="f",outcome="done",cold="true"}'), 1);
  t.is(samples.get('hotplane_invocations_total{function="f",outcome="done",cold="false"}'), 2);
  t.is(samples.get('hotplane_operations_total{function="f",kind="plug",outcome="done"}'), 1);
  t.is(samples.get('hotplane_operations_total{function="f",kind="unplug",outcome="done"}'), 1);
  for (const hop of ['requested', 'accepted', 'plugged', 'resident']) {
    const labels = `kind="unplug",mechanism="virtio-mem",hop="${hop}"`;
    t.is(samples.get(`hotplane_operation_hop_seconds_count{${labels}}`), 1, hop);
  }
  for (const stage of ['sandbox', 'plugged', 'ready', 'first_byte']) {
    t.is(samples.get(`hotplane_start_stage_seconds_count{stage="${stage}"}`), 1, stage);
  }
  t.false(
    [...samples.keys()].some((name) => name.startsWith('hotplane_function_resident_bytes')),
    'a VMM that is no process has no figure, and not 0',
  );
});

test('other paths, other methods, other hosts and web pages are refused, each its way', async (t) => {
  const { get } = await surfaceOf(t);
  t.like(await get('/metrics/..'), { status: 404 });
  t.like(await get('/%zz'), { status: 404 });
  t.like(await get('/healthz', { method: 'POST' }), { status: 405, allow: 'GET' });
  t.like(await get('/healthz', { method: 'HEAD' }), { status: 200, body: '' });
  t.like(await get('/healthz?a=b'), { status: 200 });
  const page = { headers: { origin: 'http://127.0.0.1:1' } };
  t.like(await get('/healthz', page), { status: 403 });
  const image = { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } };
  t.like(await get('/healthz', image), { status: 403 });
  const link = { headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } };
  t.like(await get('/healthz', link), { status: 200 });
  t.like(await get('/healthz', { headers: { host: 'evil.example:9464' } }), { status: 403 });
  t.like(await get('/healthz', { headers: { host: 'localhost:9464' } }), { status: 200 });
  t.regex((await get('/nothing')).body, /"code":"HP_AGENT_HTTP_PATH"/);
});

test('a handler is found by its path, with the words in it; its error has its status', async (t) => {
  const { surface, get } = await surfaceOf(t);
  const { agent } = await serve(t);
  surface.router.add('POST', '/functions/:name', async ({ params, response }) => {
    await agent.status(params['name'] ?? '');
    response.end();
  });
  const gone = await get('/functions/a%20b', { method: 'POST' });
  t.is(gone.status, 404);
  t.regex(gone.body, /no function 'a b'.*HP_AGENT_NO_FUNCTION/);
  t.like(await get('/functions/a/b', { method: 'POST' }), { status: 404 });
  t.like(await get('/functions/', { method: 'POST' }), { status: 404 });
});

test('on a Unix socket it is its owner only who may ask', async (t) => {
  const { socket_path } = await serve(t);
  const path = join(dirname(socket_path), 'http.sock');
  const surface = await HttpSurface.listen({ path }, log);
  t.true(surface.server.is_private);
  t.is((await stat(path)).mode & 0o777, 0o600);
  t.like(await ask({ socketPath: path, path: '/healthz' }), { status: 200 });
  await t.throwsAsync(HttpSurface.listen({ path }, log), { code: 'HP_AGENT_SOCKET_IN_USE' });
  await surface.close();
  await t.throwsAsync(stat(path), { code: 'ENOENT' });
});

test('a port that is taken is told with its code', async (t) => {
  const { surface } = await surfaceOf(t);
  const again = { host: '127.0.0.1', port: surface.server.port ?? 0 };
  await t.throwsAsync(HttpSurface.listen(again, log), {
    code: 'HP_AGENT_HTTP',
    message: /EADDRINUSE/,
  });
});

for (const [text, address] of [
  ['127.0.0.1:9464', { host: '127.0.0.1', port: 9464 }],
  ['127.9.9.9:0', { host: '127.9.9.9', port: 0 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['/run/h.sock', { path: '/run/h.sock' }],
  ['0.0.0.0:9464', null],
  ['[::]:9464', null],
  ['10.0.0.1:9464', null],
  ['127.0.0.1', null],
  ['127.0.0.1:99999', null],
  ['localhost:9464', null],
  ['::1:80', null],
  ['', null],
] as const) {
  test(`'${text}' is ${address === null ? 'no place' : 'a place'} to listen`, (t) => {
    t.deepEqual(parseHttpAddress(text), address);
    t.truthy(HTTP_ADDRESS_WANTED);
  });
}

test('docs/metrics.md is up to date', async (t) => {
  const next = "'npm run generate' writes it anew";
  t.is(await readFile(METRICS_PAGE_PATH, 'utf8'), renderMetricsPage(), next);
});
