/**
 * What went wrong travels whole: code, category, message, next step and details, whatever the text.
 */
import test from 'ava';
import fc from 'fast-check';
import { Metadata, status } from '@grpc/grpc-js';
import { fromStatus, toStatus } from '../../../agent/api/status-codes.ts';
import { cutBytes } from '../../../base/cut-bytes.ts';
import { HotplaneError, messageOf } from '../../../base/errors.ts';
import { REFUSALS } from '../../../agent/model/refusals.ts';
import { lastLines } from '../../../hypervisor-client/host/log-tail.ts';
import { serve } from './serving.ts';
import { specOf, WORK } from '../core/world.ts';
import { MIB } from '../../../base/units.ts';
import { holds } from '../../seed.ts';
import { emulated } from '../../../agent/model/work.ts';

const call = { function: 'f', invocation_id: 'one', ...emulated({ ...WORK }) };
const invocation = { ...call, idempotency_key: null };

/** As HTTP/2 carries it: binary values in base64, the status text percent-encoded. */
function wireBytes(error: unknown): number {
  const { details, metadata } = toStatus(error);
  let bytes = encodeURIComponent(details.toWellFormed()).length;
  for (const [key, value] of Object.entries(metadata.toHttp2Headers())) {
    bytes += key.length + String(value).length;
  }
  return bytes;
}

/** Up to 70,000 characters of any kind; a long one repeats itself, drawing it takes too long. */
const long = fc
  .tuple(fc.string({ unit: 'binary', maxLength: 700, size: 'max' }), fc.nat(100))
  .map(([part, times]) => part.repeat(times));

const text = fc.oneof(
  long,
  fc.constantFrom(
    'x'.repeat(65_536),
    '\u009b'.repeat(30_000),
    '𝄞'.repeat(20_000),
    '"\\\n'.repeat(9_999),
  ),
);

test('any message, next step and details fit into 8 KiB, and come out as the same error', async (t) => {
  const property = fc.property(
    text,
    text,
    fc.dictionary(fc.string({ maxLength: 40 }), fc.oneof(text, fc.integer()), { maxKeys: 40 }),
    (message, next, details) => {
      const error = new HotplaneError({
        code: 'HP_X',
        category: 'partial',
        message,
        next,
        details,
      });
      if (wireBytes(error) > 7_168) throw new Error(`${wireBytes(error)} bytes`);
      const { code, details: said, metadata } = toStatus(error);
      const wire = Object.assign(new Error(said), { code, details: said, metadata });
      const back = fromStatus(wire, '/s');
      if (back.code !== 'HP_X' || back.category !== 'partial') throw new Error(back.message);
    },
  );
  await holds(t, property);
});

test('a short error comes out exactly as it went in', (t) => {
  const error = REFUSALS.noMemory(3 * MIB, 2 * MIB, 4 * MIB);
  const { code, details, metadata } = toStatus(new HotplaneError(error));
  const back = fromStatus(Object.assign(new Error(), { code, details, metadata }), '/s');
  const { category, message, next, details: numbers } = back;
  t.deepEqual({ code: back.code, category, message, next, details: numbers }, error);
});

test('text is cut between characters', (t) => {
  t.is(cutBytes('äöü', 6), 'äöü');
  t.is(cutBytes('äöüß', 7), 'äö…');
  t.is(cutBytes('a\nb\u001bc', 10), 'a b?c');
});

test('quoted console lines are printable and bounded', (t) => {
  const quoted = lastLines(`one\r\u001bc\u001b[2J${'x'.repeat(60_000)}\nlast`, 8);
  t.true(quoted.length < 1_000);
  t.false(quoted.includes('\u001b'));
  t.true(quoted.endsWith('| last'));
});

test('a reason inside another text has no next step of its own', (t) => {
  const error = new HotplaneError({
    code: 'HP_X',
    category: 'failure',
    message: 'no.',
    next: 'do.',
  });
  t.is(messageOf(error), 'HP_X: no.');
});

test('no refusal of the core speaks of a command line', (t) => {
  const all = [
    REFUSALS.noFunction('f'),
    REFUSALS.noMemory(1, 1, 1),
    REFUSALS.queueFull('f', 1),
    REFUSALS.vmLost('f', null),
    REFUSALS.vmUndead('f', 'x'),
    REFUSALS.guestStuck('i', 1, 'x'),
  ];
  for (const { message, next } of all) t.notRegex(`${message} ${next}`, /--|'hotplane/);
});

test('a failed invocation is an error on the wire, and whole in the client', async (t) => {
  const { client, raw } = await serve(t);
  await client.deploy(specOf('f', { limit_bytes: 128 * MIB }));
  const big = { ...invocation, ...emulated({ ...WORK, anonymous_bytes: 500 * MIB }) };
  const reply = await client.invoke(big);
  t.like(reply, { outcome: 'failed', cold: true, error_code: 'HP_AGENT_INSTANCE_OOM' });
  t.like(reply.failure, {
    code: 'HP_AGENT_INSTANCE_OOM',
    category: 'failure',
    next: 'raise the memory limit of the function, or let the invocation use less.',
    details: { reason: 'oom', signal: 9 },
  });
  const seen = await raw(big);
  t.is(seen.code, status.ABORTED);
  t.true(seen.metadata instanceof Metadata && seen.metadata.get('hotplane-code').length === 1);
  const told = (await client.status('f')).functions[0]?.last_failure;
  t.like(told, { code: 'HP_AGENT_INSTANCE_OOM', vm_id: 'vm1' });
  t.true((told?.at_ms ?? 0) > 0);
});

test('a refused invocation is an error on the wire, with the numbers', async (t) => {
  const { client, raw } = await serve(t, 600 * MIB);
  await client.deploy(specOf('f'));
  await client.deploy(specOf('other'));
  const reply = await client.invoke(invocation);
  t.like(reply, { outcome: 'refused' });
  t.like(reply.failure, { category: 'unavailable', details: { limit_bytes: 600 * MIB } });
  t.is((await raw(invocation)).code, status.RESOURCE_EXHAUSTED);
});

test('a done invocation has no failure', async (t) => {
  const { client } = await serve(t);
  await client.deploy(specOf('f'));
  t.is((await client.invoke(invocation)).failure, undefined);
  t.falsy((await client.status('f')).functions[0]?.last_failure);
});

test('a lost function tells why in status, also after a new VM took over', async (t) => {
  const { client, hypervisor } = await serve(t);
  await client.deploy(specOf('f'));
  hypervisor.vms[0]?.die();
  await client.invoke(invocation);
  const lost = (await client.status('f')).functions[0];
  t.like(lost?.last_failure, { code: 'HP_AGENT_VM_ENDED', vm_id: 'vm1' });
  await client.deploy(specOf('f'));
  t.like((await client.status('f')).functions[0]?.last_failure, { code: 'HP_AGENT_VM_ENDED' });
});

test('a socket that is there and not open to the caller is not taken for an agent that is gone', (t) => {
  const details = 'No connection established. Last error: Error: connect EACCES /run/a.sock.';
  const name = 'Error';
  const told = { code: status.UNAVAILABLE, details, metadata: new Metadata(), name, message: '' };
  const error = fromStatus(told, '/run/a.sock');
  t.like(error, {
    code: 'HP_AGENT_UNREACHABLE',
    message: '/run/a.sock may not be opened by this user.',
  });
  t.regex(error.next, /socket_group/);
});
