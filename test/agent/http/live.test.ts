/** The live state on a WebSocket: whole, in order, and never at the cost of the agent. */
import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { WebSocket } from 'ws';
import { LiveSockets } from '../../../agent/http/live-socket.ts';
import { LiveFeed } from '../../../agent/observe/live/live-feed.ts';
import type { LiveMessage } from '../../../agent/model/live.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { emulated } from '../../../agent/model/work.ts';
import { PageModel } from '../../../agent/page/model.ts';
import { PAGE_MODULES } from '../../../agent/http/page.ts';
import { hostClock } from '../../../base/clock.ts';
import { withDeadline } from '../../../base/deadline.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { projectPath, readSources } from '../../architecture/sources.ts';
import { specOf, WORK } from '../core/world.ts';
import { ask } from './asking.ts';
import { agentWithPage, type BusyAgent } from './busy-agent.ts';

const LONG = { clock: hostClock, deadline_ms: 30_000, longest_pause_ms: 100 };
const shape = { concurrency: 4, limit_bytes: 128 * MIB, keep_alive_ms: 600_000 };

/** A reader as the page is one: what is wrong with a message is kept. */
async function reader(t: ExecutionContext, { port }: BusyAgent) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`);
  t.teardown(() => socket.terminate());
  const model = new PageModel();
  const wrong: string[] = [];
  socket.on('message', (data: Buffer) => {
    const message: LiveMessage = JSON.parse(data.toString());
    const found = model.take(message);
    if (found !== null) wrong.push(found);
  });
  await once(socket, 'open');
  return { socket, model, wrong };
}

/** What a reader knows of the regions, to be compared with the agent's own. */
const regionsOf = (model: PageModel) =>
  [...model.vms.values()].map(({ id, regions }) => ({
    id,
    regions: regions.map(({ plugged_bytes, permit_bytes, instance_id }) => ({
      plugged_bytes,
      permit_bytes,
      instance_id,
    })),
  }));

const regionsIn = ({ agent }: BusyAgent) =>
  [...agent.state.vms.values()].map(({ id, regions }) => ({
    id,
    regions: regions.map(({ plugged_bytes, permit_bytes, holder }) => ({
      plugged_bytes,
      permit_bytes,
      instance_id: holder,
    })),
  }));

test('whoever comes, and when, knows the same as the agent', async (t) => {
  const host = await agentWithPage(t);
  const early = await reader(t, host);
  await host.client.deploy(specOf('f', shape));
  const calls = ['a', 'b', 'c'].map((id) => host.agent.invoke('f', id, emulated(WORK)));
  const late = await reader(t, host);
  await Promise.all(calls);
  await host.client.deploy(specOf('g', shape));
  await host.client.drain('f');
  await host.client.remove('g');
  for (const { model, wrong } of [early, late]) {
    const same = await waitFor(() => {
      const [known, told] = [regionsOf(model), regionsIn(host)];
      return JSON.stringify(known) === JSON.stringify(told) ? true : null;
    }, LONG);
    t.true(same);
    t.deepEqual(regionsOf(model), regionsIn(host));
    t.deepEqual([...model.functions.keys()], ['f']);
    t.is(model.operations.size, 0);
    t.deepEqual(wrong, []);
  }
  t.is(early.model.ended.filter(({ kind }) => kind === 'plug').length, 3);
  t.is(early.model.invocations_done, 3);
  t.true(await waitFor(() => (early.model.memory.size > 0 ? true : null), LONG));
});

test('while nobody reads, nothing is made', async (t) => {
  const host = await agentWithPage(t);
  const feed = new LiveFeed(host.agent, hostClock);
  const gone = new AbortController();
  const { changes } = feed.join(gone.signal);
  t.true(host.agent.hub.isWatched('memory'));
  gone.abort();
  await host.client.deploy(specOf('f', shape));
  t.false(host.agent.hub.isWatched('memory'));
  t.true((await changes.next()).done);
});

test('a message that is missing is noticed', (t) => {
  const model = new PageModel();
  const host = { limit_bytes: 1, granted_bytes: 0, free_bytes: 1, earlier_bytes: 0 };
  const head = { at_ms: 1, version: 'v', pid: 1, host } as const;
  const protocol = 'hotplane.live.v1';
  t.is(model.take({ type: 'snapshot', protocol, sequence: 7, ...head }), null);
  const rows = { functions: [], vms: [], operations: [] };
  const none = { operations: [], memory: [], reports: [], refusals: [] };
  const news = { ...none, invocations_done: 0, dropped: 0 };
  const change = { type: 'change', at_ms: 2, host, ...rows, gone: rows, news } as const;
  t.is(model.take({ ...change, sequence: 8 }), null);
  t.is(model.take({ ...change, sequence: 10 }), 'message 10 came after 8');
  t.regex(
    model.take({ type: 'snapshot', protocol: 'hotplane.live.v2', sequence: 1, ...head }) ?? '',
    /speaks hotplane.live.v2/,
  );
});

test('readers that do not read are dropped with a reason, and hold up nobody', async (t) => {
  const host = await agentWithPage(t);
  await host.client.deploy(specOf('f', shape));
  const slow = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const one = await reader(t, host);
      one.socket.pause();
      return one.socket;
    }),
  );
  const quick = await reader(t, host);
  const closed = slow.map((socket) => once(socket, 'close'));
  const message = 'x'.repeat(100_000);
  const report = { level: 'warn', code: 'HP_TEST', function: 'f', vm_id: 'vm1' } as const;
  let told = 0;
  const tell = (): true | null => {
    for (let many = 0; many < 10; many += 1) {
      told += 1;
      host.agent.hub.publish('report', { at_ms: told, ...report, message });
    }
    return quick.model.reports.some(({ at_ms }) => at_ms > 100) ? true : null;
  };
  t.true(await waitFor(tell, LONG), 'one who reads gets all of it');
  t.deepEqual(quick.wrong, []);
  const { outcome } = await host.agent.invoke('f', 'x', emulated(WORK));
  t.is(outcome, 'done');
  const patience = { ...LONG, deadline_ms: 4 * AGENT_LIMITS.live_send_ms };
  const isAlone = async (): Promise<true | null> => (host.surface.readers === 1 ? true : null);
  t.true(await waitFor(isAlone, patience), 'the others are dropped');
  for (const socket of slow) socket.resume();
  for (const [code, reason] of await Promise.all(closed)) {
    t.true(code === 1013 || code === 1006, String(code));
    if (code === 1013) t.regex(String(reason), /^HP_AGENT_SLOW_READER: /);
  }
});

test('one who gives no sign of life is cut off, and one who does goes on', async (t) => {
  const { agent } = await agentWithPage(t);
  const feed = new LiveFeed(agent, hostClock);
  const sockets = new LiveSockets(feed, 2_000);
  t.teardown(() => sockets.close());
  const server = createServer().on('upgrade', (...one) => sockets.accept(...one));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const at = server.address();
  const url = `ws://127.0.0.1:${at !== null && typeof at === 'object' ? at.port : 0}/`;
  const [alive, dead] = [new WebSocket(url), new WebSocket(url, { autoPong: false })];
  t.teardown(() => alive.terminate());
  t.teardown(() => dead.terminate());
  const cut = once(dead, 'close').then(() => true);
  t.true(await withDeadline(hostClock, LONG.deadline_ms, cut, () => new Error('not cut off')));
  await once(alive, 'ping');
  t.is(alive.readyState, WebSocket.OPEN);
});

test('more readers than may be are refused, and those that are there go on', async (t) => {
  const host = await agentWithPage(t);
  const there = await Promise.all(
    Array.from({ length: AGENT_LIMITS.live_readers }, () => reader(t, host)),
  );
  t.true(await waitFor(() => (there.every(({ model }) => model.is_ready) ? true : null), LONG));
  const { socket } = await reader(t, host);
  const [code, reason] = await once(socket, 'close');
  t.is(code, 1013);
  t.regex(String(reason), /^HP_AGENT_TOO_MANY_WATCHERS: /);
  await host.client.deploy(specOf('f', shape));
  t.true(
    await waitFor(() => (there.every(({ model }) => model.vms.size === 1) ? true : null), LONG),
  );
});

test('one who talks is shown the door, and one whose agent ends is told so', async (t) => {
  const host = await agentWithPage(t);
  const talker = await reader(t, host);
  talker.socket.send('hello');
  const [said] = await once(talker.socket, 'close');
  t.is(said, 1003);
  const { socket } = await reader(t, host);
  const closed = once(socket, 'close');
  await host.surface.close();
  const [code] = await closed;
  t.true(code === 1001 || code === 1006, String(code));
});

for (const [name, options, status] of [
  ['a page of another origin', { origin: 'http://evil.example' }, 403],
  ['a page of another port of this host', { origin: 'http://127.0.0.1:1' }, 403],
  ['a name that was made to resolve to here', { headers: { host: 'evil.example' } }, 403],
] as const) {
  test(`${name} gets no live state`, async (t) => {
    const { port } = await agentWithPage(t);
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, options);
    const refused = once(socket, 'unexpected-response').then(([, answer]) => answer.statusCode);
    const let_in = once(socket, 'open').then(() => 'let in');
    t.is(await Promise.race([refused, let_in]), status);
    socket.terminate();
  });
}

test('the page is served with a policy, and nothing else of the disk is', async (t) => {
  const { port } = await agentWithPage(t);
  const get = (path: string, more: object = {}) => ask({ host: '127.0.0.1', port, path, ...more });
  const page = await get('/');
  t.is(page.status, 200);
  t.false(/(src|href)="(https?:)?\/\//.test(page.body), 'nothing of another place');
  t.false(/ style=|<script>|<style>/.test(page.body), 'nothing inline, which the policy forbids');
  t.like(await get('/page/style.css'), { status: 200, type: 'text/css; charset=utf-8' });
  for (const module of PAGE_MODULES) t.is((await get(`/page/${module}.ts`)).status, 200, module);
  for (const path of [
    '/page/agent/limits.ts',
    '/page/../package.json',
    '/page/%2e%2e/a',
    '/live',
  ]) {
    t.is((await get(path)).status, 404, path);
  }
  const own = { headers: { host: `127.0.0.1:${port}`, origin: `http://127.0.0.1:${port}` } };
  t.is((await get('/', own)).status, 200);
});

test('what the page loads it can load: its modules ask for no others', (t) => {
  const served = new Set<string>(PAGE_MODULES.map((path) => `${path}.ts`));
  const sources = readSources().filter(({ path }) => served.has(path));
  t.is(sources.length, served.size);
  for (const source of sources) {
    for (const [, specifier = ''] of source.code.matchAll(
      /^import (?!type )[^;]*?from '([^']+)'/gms,
    )) {
      const target = projectPath(source, specifier);
      t.true(target !== null && served.has(target), `${source.path} loads ${specifier}`);
    }
  }
});
