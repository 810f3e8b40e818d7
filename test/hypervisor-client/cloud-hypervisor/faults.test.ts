/** Every call against every way a server can fail: a typed error in time, nothing sent twice. */
import test from 'ava';
import type { FaultKind } from '../../../hypervisor-client/testing/fake-cloud-hypervisor/index.ts';
import { isChError, sentState } from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { type Call, CALLS } from './calls.ts';
import { bootedStage, configIn, fakeStage } from './stage.ts';

/** Far below the 30 s of a silent server. */
const DEADLINE_MS = 2_000;
/** Of calls that end by themselves: far above what an answer takes on a busy machine. */
const AMPLE_MS = 10_000;
const SLACK_MS = 3_000;

/** The codes a fault may end in; the last may also be no error at all for the call. */
const ENDS: readonly (readonly [FaultKind, readonly string[]])[] = [
  ['die-before', ['HP_CH_CLOSED']],
  ['die-during', ['HP_CH_CLOSED', 'HP_CH_PROTOCOL']],
  ['die-after-effect', ['HP_CH_CLOSED']],
  ['close-before', ['HP_CH_CLOSED']],
  ['close-after-effect', ['HP_CH_CLOSED']],
  ['half-close', ['HP_CH_CLOSED', 'HP_CH_PROTOCOL']],
  ['half-body', ['HP_CH_TIMEOUT']],
  ['silence', ['HP_CH_TIMEOUT']],
  ['silence-before', ['HP_CH_TIMEOUT']],
  ['garbage', ['HP_CH_PROTOCOL']],
  ['huge-error', ['HP_CH_REJECTED']],
  ['raw-newline', ['HP_CH_BAD_REQUEST']],
  ['full', ['HP_CH_SERVER_FULL']],
  ['refuse', ['HP_CH_REJECTED']],
  ['ending', ['HP_CH_CLOSED']],
];

/** A shutdown whose server just goes away has done what it was asked for. */
function isDone({ route }: Call, kind: FaultKind): boolean {
  return route === 'vmm.shutdown' && /^(die|close|half|silence$|ending$)/.test(kind);
}

/** Calls after which the server is gone, answer or not. */
const LAST_CALLS = ['vmm.shutdown', 'vm.power-button'];

for (const [kind, codes] of ENDS) {
  const waits = codes.includes('HP_CH_TIMEOUT');
  const deadline_ms = waits ? DEADLINE_MS : AMPLE_MS;
  test.serial(`${kind}: each call ends in a typed error within its deadline`, async (t) => {
    const check = async (call: Call): Promise<void> => {
      const faults = [{ kind, route: call.route, times: 1 }];
      const { fake, ch } = await bootedStage(t, { faults }, AMPLE_MS);
      const before = performance.now();
      const end = await call.make(ch, { deadline_ms }).then(
        () => null,
        (error: unknown) => error,
      );
      const took_ms = performance.now() - before;
      const what = `${call.method} ${call.route}`;
      if (end === null) t.true(isDone(call, kind), `${what} did not fail`);
      else {
        const code = isHotplaneError(end) ? end.code : String(end instanceof Error && end.stack);
        const gone = code === 'HP_CH_CLOSED' && LAST_CALLS.includes(call.route);
        t.true(gone || codes.includes(code), `${what}: ${code}`);
      }
      t.true(took_ms < deadline_ms + SLACK_MS, `${what} took ${took_ms} ms`);
      const seen = fake.seen.filter(({ route }) => route === call.route);
      t.is(seen.length, timesBefore(call) + 1, what);
      await ch.close();
      await fake.close().catch(() => undefined);
    };
    // Every call has a server of its own: deadlines are waited for side by side.
    if (waits) await Promise.all(CALLS.map(check));
    else for (const call of CALLS) await check(call);
  });
}

/** The stage itself has made these once. */
function timesBefore({ route }: Call): number {
  return route === 'vm.create' || route === 'vm.boot' ? 1 : 0;
}

test('die-after: an answer that came is an answer, and the next call finds nobody', async (t) => {
  for (const call of CALLS.filter(({ method }) => method === 'GET')) {
    const { ch } = await bootedStage(t, { faults: [{ kind: 'die-after', route: call.route }] });
    await call.make(ch, {});
    const error = await t.throwsAsync(ch.vmm.ping());
    t.true(isChError(error, 'HP_CH_CONNECT', 'HP_CH_CLOSED'), String(error));
  }
});

test('a wrong content type and a body that is not JSON are told from data', async (t) => {
  for (const kind of ['wrong-type', 'not-json'] as const) {
    for (const call of CALLS.filter(({ method }) => method === 'GET')) {
      const { ch } = await bootedStage(t, { faults: [{ kind, route: call.route, times: 1 }] });
      const error = await t.throwsAsync(call.make(ch, {}));
      t.true(isChError(error, 'HP_CH_PROTOCOL'), String(error));
      await call.make(ch, {});
    }
  }
});

test('4 MiB of error text are not kept', async (t) => {
  const { ch } = await bootedStage(t, { faults: [{ kind: 'huge-error', times: 1 }] });
  const error = await t.throwsAsync(ch.observe.info());
  t.true(isHotplaneError(error) && error.details['truncated'] === true);
  t.true((error?.message.length ?? 0) < 4_096);
  t.is((await ch.observe.info()).state, 'Running');
});

test('after a request with an unknown fate the next PUT waits for an answered GET', async (t) => {
  for (const kind of ['close-after-effect', 'silence', 'half-body', 'half-close'] as const) {
    const faults = [{ kind, route: 'vm.resize-zone', times: 1 }];
    const { fake, ch } = await bootedStage(t, { faults });
    const deadline = { deadline_ms: DEADLINE_MS };
    const zone_bytes = 130 * 1024 * 1024;
    const lost = await t.throwsAsync(ch.memory.resizeZone('region-r0', zone_bytes, deadline));
    t.is(sentState(lost), 'maybe', kind);
    t.true(ch.uncertain);
    await ch.lifecycle.pause();
    t.false(ch.uncertain);
    const routes = fake.seen.map(({ route }) => route);
    t.deepEqual(routes.slice(-3), ['vm.resize-zone', 'vmm.ping', 'vm.pause'], kind);
  }
});

test('a call that was never sent says so, and holds nothing back', async (t) => {
  const { fake, ch } = await bootedStage(t, {});
  const error = await t.throwsAsync(ch.lifecycle.pause({ signal: AbortSignal.abort() }));
  t.true(isChError(error, 'HP_CH_ABORTED'));
  t.is(sentState(error), 'no');
  t.false(ch.uncertain);
  t.false(fake.seen.some(({ route }) => route === 'vm.pause'));
});

test('one request is in flight at a time, in the order of the calls', async (t) => {
  const faults = [{ kind: 'slow', route: 'vmm.ping', delay_ms: 50, times: 1 }] as const;
  const { fake, ch } = await bootedStage(t, { faults });
  const done: string[] = [];
  await Promise.all([
    ch.vmm.ping().then(() => done.push('ping')),
    ch.observe.info().then(() => done.push('info')),
    ch.lifecycle.pause().then(() => done.push('pause')),
  ]);
  t.deepEqual(done, ['ping', 'info', 'pause']);
  t.deepEqual(
    fake.seen.slice(-3).map(({ route }) => route),
    ['vmm.ping', 'vm.info', 'vm.pause'],
  );
});

test('a call whose deadline passes in the queue is never sent', async (t) => {
  const faults = [{ kind: 'slow', route: 'vmm.ping', delay_ms: 300, times: 1 }] as const;
  const { fake, ch } = await bootedStage(t, { faults });
  const first = ch.vmm.ping();
  const error = await t.throwsAsync(ch.lifecycle.pause({ deadline_ms: 30 }));
  t.true(isChError(error, 'HP_CH_TIMEOUT'));
  t.is(sentState(error), 'no');
  await first;
  t.false(fake.seen.some(({ route }) => route === 'vm.pause'));
});

test('the eleventh connection gets a 503 with a code of its own', async (t) => {
  const { socket_path, ch } = await bootedStage(t, {});
  const { CloudHypervisor } = await import('../../../hypervisor-client/cloud-hypervisor/index.ts');
  const others = Array.from({ length: 10 }, () => new CloudHypervisor({ socket_path }));
  const ends = await Promise.allSettled(others.map((other) => other.vmm.ping()));
  await ch.observe.info();
  const refused = ends.filter((end) => end.status === 'rejected');
  t.is(refused.length, 1);
  t.true(refused.every(({ reason }) => isChError(reason, 'HP_CH_SERVER_FULL')));
  for (const other of others) await other.close();
});

test('a closed client refuses calls, those that wait included', async (t) => {
  const faults = [{ kind: 'silence', route: 'vmm.ping' }] as const;
  const { ch } = await bootedStage(t, { faults });
  const first = ch.vmm.ping();
  const waiting = ch.observe.info();
  const ended = Promise.allSettled([first, waiting]);
  await ch.close();
  const [one, two] = await ended;
  t.is(one.status, 'rejected');
  t.true(two.status === 'rejected' && isChError(two.reason, 'HP_CH_DISPOSED'));
  t.true(isChError(await t.throwsAsync(ch.vmm.ping()), 'HP_CH_DISPOSED'));
});

test('a console without its path is never sent: the server would not survive it', async (t) => {
  const { root, fake, ch } = await fakeStage(t);
  for (const change of [
    { serial: { mode: 'File' } },
    { serial: { mode: 'Socket' } },
    { console: { mode: 'File', file: '' } },
  ] as const) {
    const error = await t.throwsAsync(ch.lifecycle.create({ ...configIn(root), ...change }));
    t.true(isChError(error, 'HP_CH_BAD_ARGUMENT'), String(error));
    t.is(sentState(error), 'no');
  }
  t.deepEqual(fake.seen, []);
});
