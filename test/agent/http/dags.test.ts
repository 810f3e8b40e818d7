/** DAGs as curl sees them: over real sockets, with a simulated VMM and guest. */
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { hostClock } from '../../../base/clock.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { waitFor } from '../../../base/wait.ts';
import { HELD_MS, heldHost } from '../api/held.ts';
import { serve } from '../api/serving.ts';
import { SERVER, specOf, WORK } from '../core/world.ts';
import { ask } from './asking.ts';

const stage = (name: string, runs: string) => ({ name, function: runs, payload_json: null });

/** An agent with a DAG of programs that serve HTTP: `first`, then `last`; and one that fails. */
async function shown(t: ExecutionContext) {
  const surface = await HttpSurface.listen(
    { host: '127.0.0.1', port: 0 },
    pino({ level: 'silent' }),
  );
  t.teardown(() => surface.close());
  const { agent, client } = await serve(t, undefined, { hypervisor: heldHost().hypervisor });
  surface.attach(agent);
  await client.deploy(specOf('shop', { program: SERVER }));
  await client.deploy(specOf('work'));
  const edges = [{ from: 'first', to: 'last' }];
  const stages = [stage('first', 'shop'), stage('last', 'shop')];
  await client.deployDag({ name: 'd', deadline_ms: 60_000, stages, edges, ready_ms: 0 });
  const fails = [stage('first', 'shop'), stage('last', 'work')];
  await client.deployDag({ name: 'fails', deadline_ms: 60_000, stages: fails, edges, ready_ms: 0 });
  const slow = {
    ...stage('first', 'work'),
    payload_json: JSON.stringify({ ...WORK, wall_ms: HELD_MS }),
  };
  const alone = { stages: [slow], edges: [], ready_ms: 0 };
  await client.deployDag({ name: 'slow', deadline_ms: 1_000, ...alone });
  const where = { host: '127.0.0.1', port: surface.server.port ?? 0 };
  const call = (method: string, path: string, body?: string, headers = {}) =>
    ask({ ...where, method, path, headers }, body);
  return { agent, where, call };
}

test('a posted body goes to the first stage, its answer to the next, and that is the answer', async (t) => {
  const { call } = await shown(t);
  const headers = { 'content-type': 'application/json', 'hotplane-invocation': 'mine' };
  const done = await call('POST', '/dags/d', '{"n":1}', headers);
  t.like(done, { status: 200, type: 'application/json' });
  t.like(done.headers, {
    'hotplane-invocation': 'mine',
    'hotplane-in-time': 'true',
    'hotplane-path': 'first,last',
  });
  t.regex(String(done.headers['hotplane-took-ms']), /^\d+\.\d{3}$/);
  const last = JSON.parse(done.body);
  t.like(last, { method: 'POST', path: '/' });
  t.like(JSON.parse(last.body), { method: 'POST', body: '{"n":1}' });
});

test('a stage that fails, a DAG that is not there, and what is no call, are problems', async (t) => {
  const { call } = await shown(t);
  const failed = await call('POST', '/dags/fails', '{}');
  t.is(failed.status, 500);
  t.like(JSON.parse(failed.body), { code: 'HP_AGENT_DAG_STAGE', stage: 'last' });
  t.like(await call('POST', '/dags/none', '{}'), { status: 404 });
  t.like(await call('GET', '/dags/d'), { status: 405, allow: 'POST' });
  const long = { 'hotplane-invocation': 'x'.repeat(65) };
  t.like(await call('POST', '/dags/d', '{}', long), { status: 400 });
});

test('when its caller goes away, nothing of the call is left', async (t) => {
  const { agent, where } = await shown(t);
  const leaves = new AbortController();
  const about = { method: 'POST', path: '/dags/slow', signal: leaves.signal };
  const gone = t.throwsAsync(ask({ ...where, ...about }, '{}'));
  const runs = async (count: number): Promise<true | null> => {
    const are = () => (agent.dags.list('slow')[0]?.running === count ? true : null);
    return await waitFor(are, { clock: hostClock, deadline_ms: 30_000 });
  };
  t.true(await runs(1), 'it is under way');
  leaves.abort();
  await gone;
  t.true(await runs(0));
  t.like(agent.dags.list('slow')[0], { failed: 1, met: 0, missed: 0 });
});

test('metrics count calls by outcome and seconds by part, until the DAG is removed', async (t) => {
  const { agent, call } = await shown(t);
  await call('POST', '/dags/d', '{}');
  await call('POST', '/dags/fails', '{}');
  const { body } = await call('GET', '/metrics');
  t.regex(body, /^hotplane_dag_calls_total\{dag="d",outcome="met"\} 1$/m);
  t.regex(body, /^hotplane_dag_calls_total\{dag="fails",outcome="failed"\} 1$/m);
  t.regex(body, /^hotplane_dag_calls_running\{dag="d"\} 0$/m);
  t.regex(body, /^hotplane_dag_seconds_total\{dag="d",part="start"\} [\d.e-]+$/m);
  await agent.dags.remove('d');
  await hostClock.sleep(AGENT_LIMITS.metrics_kept_ms + 50);
  t.notRegex((await call('GET', '/metrics')).body, /dag="d"/);
});
