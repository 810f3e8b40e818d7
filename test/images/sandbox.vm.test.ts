/**
 * Goal: an instance of somebody else's program has a world of its own, with bounds, and what it
 * does in there is felt by no neighbour.
 * Method: a real VM; the supervisor runs a program in C that tells what it sees and can do.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { AGENT_LIMITS } from '../../agent/limits.ts';
import { hostClock } from '../../base/clock.ts';
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { invokedSchema } from '../../guest/protocol/protocol.ts';
import { cacheDir, PROJECT_ROOT } from '../../base/paths.ts';
import { GIB, KIB, MIB } from '../../base/units.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';
import { ensureSupervisor } from '../../images/rootfs/programs.ts';
import { ASK_MS, type BootedGuest, connectGuest, launchGuest } from './booted-guest.ts';

const PROBE = '/bin/sandbox-probe';
const TMP_BYTES = 8 * MIB;
const MEMORY_BYTES = 192 * MIB;
/** A gibibyte where somebody has the time. */
const OUTPUT_BYTES = process.env['HOTPLANE_LONG_FUNCTIONS'] === undefined ? 128 * MIB : GIB;
/** A gibibyte of output takes a minute where nothing accelerates. */
const HARM_MS = 2 * ASK_MS;

function startProbe(
  guest: BootedGuest,
  instance: string,
  { command = [PROBE], user = [] }: Readonly<Record<string, readonly string[]>> = {},
) {
  const told = ['--interface', 'http', '--instance', instance, '--root', '/', ...user];
  const argv = ['/bin/runtime', ...told, '--tmp-bytes', `${TMP_BYTES}`, '--', ...command];
  const env = { [PROTOCOL.user_variable]: PROTOCOL.user_supervisor };
  return guest.start(instance, { argv, env, memory_max_bytes: MEMORY_BYTES });
}

const hash = (value: Uint8Array): string => createHash('sha256').update(value).digest('hex');

async function ask(guest: BootedGuest, instance: string, payload: Uint8Array): Promise<Buffer> {
  const about = { content_type: 'text/plain', payload_bytes: payload.length };
  const request = { type: 'invoke', instance, ...about } as const;
  return (await guest.channel.ask(request, invokedSchema, HARM_MS, payload)).attached;
}

/** While one does harm, another is served and the guest answers, each within a ping's time. */
async function meanwhile<T>(
  t: ExecutionContext,
  { guest, neighbour }: { readonly guest: BootedGuest; readonly neighbour: string },
  harm: Promise<T>,
): Promise<T> {
  const state = { is_over: false };
  const ended = harm.finally(() => {
    state.is_over = true;
  });
  const waited_ms: number[] = [];
  const began_ms = hostClock.nowMs();
  const timed = async (call: Promise<unknown>): Promise<void> => {
    const from_ms = hostClock.nowMs();
    await call;
    waited_ms.push(hostClock.nowMs() - from_ms);
  };
  while (!state.is_over) {
    const calls = [ask(guest, neighbour, Buffer.from('echo')), guest.ask({ type: 'ping' })];
    await Promise.all(calls.map(timed));
  }
  const worst_ms = Math.max(...waited_ms);
  const harm_ms = hostClock.nowMs() - began_ms;
  t.log(`${harm_ms.toFixed(0)} ms; worst of ${waited_ms.length}: ${worst_ms.toFixed(0)} ms`);
  t.true(worst_ms < AGENT_LIMITS.guest_pong_ms, `${worst_ms} ms`);
  return await ended;
}

async function probedGuest(t: ExecutionContext): Promise<BootedGuest> {
  const probe = await ensureStaticProgram({
    name: 'sandbox-probe',
    sources: [join(PROJECT_ROOT, 'test/guest/c/sandbox_probe.c')],
    cache_dir: cacheDir(),
  });
  return await connectGuest(await launchGuest(t, 'plain', [], { 'bin/sandbox-probe': probe }));
}

test('a sandbox is a world of its own, bounded, and disturbs no neighbour', async (t) => {
  if ((await ensureSupervisor({})) === null) {
    t.pass('no static http_parser on this host');
    return;
  }
  const guest = await probedGuest(t);
  await Promise.all([startProbe(guest, 'one'), startProbe(guest, 'two')]);
  const told = async (instance: string, what: string): Promise<Record<string, unknown>> =>
    JSON.parse((await ask(guest, instance, Buffer.from(what))).toString());

  const [one, two] = [await told('one', 'look'), await told('two', 'look')];
  const own = {
    pid: 1,
    processes: 1,
    interfaces: 1,
    no_new_privs: 1,
    root_write: false,
    seized: 0,
  };
  t.like(one, { ...own, host: 'one', kill_other: false, memory_max: `${MEMORY_BYTES}` });
  t.like(two, { ...own, host: 'two' });
  t.not(one['uid'], two['uid']);
  t.true(Number(one['uid']) >= 10_000);

  await startProbe(guest, 'root', { user: ['--user', '0'] });
  t.like(await told('root', 'look'), { ...own, uid: 0 }, 'root in there is nobody outside');
  await guest.ask({ type: 'stop', instance: 'root' });

  const beside = { guest, neighbour: 'two' };
  const filled = await meanwhile(t, beside, told('one', 'fill'));
  t.is(filled['error'], 'ENOSPC');
  t.true(Number(filled['bytes']) <= TMP_BYTES && Number(filled['bytes']) > TMP_BYTES / 2);
  t.is((await told('one', 'look'))['tmp_entries'], 1);
  t.is((await told('two', 'look'))['tmp_entries'], 0, 'another has another /tmp');

  const bombed = await meanwhile(t, beside, told('one', 'fork'));
  t.is(bombed['error'], 'EAGAIN');
  t.true(Number(bombed['forks']) < PROTOCOL.supervised_pids);
  const files = await meanwhile(t, beside, told('one', 'files'));
  t.is(files['error'], 'EMFILE');
  t.deepEqual(await meanwhile(t, beside, told('one', `shout ${OUTPUT_BYTES / MIB}`)), {});
  const logged = guest.logs.filter(({ instance }) => instance === 'one');
  t.true(logged.some(({ stream, text }) => stream === 'stderr' && text === 'listening\n'));
  const bytes = logged.reduce((sum, { text }) => sum + text.length, 0);
  t.true(
    bytes > 0 && bytes < OUTPUT_BYTES / 32,
    `${bytes} bytes of ${OUTPUT_BYTES} were passed on`,
  );
  const dropped = logged.reduce((sum, { dropped_bytes }) => sum + dropped_bytes, 0);
  t.true(
    dropped > OUTPUT_BYTES / 2 && dropped + bytes <= OUTPUT_BYTES + 1_024,
    `${dropped} dropped`,
  );

  for (const size of [0, 1, 256 * KIB, 6 * MIB]) {
    const payload = Buffer.alloc(size, 'line\n\u001b\r');
    const answers = await Promise.all([ask(guest, 'one', payload), ask(guest, 'two', payload)]);
    for (const answer of answers) t.is(hash(answer), hash(payload), `${size} bytes`);
  }

  await t.throwsAsync(ask(guest, 'one', Buffer.from('die')), { code: 'HP_GUEST_REFUSED' });
  t.like(await guest.exitOf('one'), { reason: 'exited', status: 9 });
  t.is((await told('two', 'look'))['pid'], 1, 'the neighbour lives on');
  const bombing = t.throwsAsync(ask(guest, 'two', Buffer.from('eat')));
  await startProbe(guest, 'three');
  await meanwhile(t, { guest, neighbour: 'three' }, bombing);
  t.like(await guest.exitOf('two'), { reason: 'oom' }, 'by its own bound: the others live');
  const missing = startProbe(guest, 'none', { command: ['/no/such'] });
  await t.throwsAsync(missing, { message: /No such file/ });
  await guest.ask({ type: 'stop', instance: 'three' });
});
