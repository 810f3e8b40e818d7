/**
 * Goal: the guest's init answers the agent as the protocol says, whatever its instances do.
 * Method: a real VM with our stock image; the agent's own channel on the other end.
 */
import test from 'ava';
import { statsSchema, stoppedSchema } from '../../guest/protocol/protocol.ts';
import { hostClock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import { pending } from '../agent/pending.ts';
import { MIB } from '../../base/units.ts';
import { waitFor } from '../../base/wait.ts';
import { ASK_MS, bootGuest, REGION_BYTES } from './booted-guest.ts';

const RESIZE = { deadline_ms: 60_000 } as const;
const SMALL = { anonymous_bytes: MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 0 } as const;

test('an instance starts, does what it is asked, keeps its memory, and stops', async (t) => {
  const guest = await bootGuest(t);
  t.like(guest.hello, { protocol: [2, 2], vcpus: 2, page_bytes: 4096, init_on_alloc: false });
  t.regex(guest.hello.kernel, /^6\.12\..*-hotplane-/);
  t.false(guest.hello.hotmem);
  t.is(guest.hello.memory_block_bytes, 128 * MIB);
  t.is((await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE)).outcome, 'done');

  const started = await guest.start('one');
  t.true(started.created_at_ms <= started.sandbox_at_ms);
  t.true(started.sandbox_at_ms <= started.attached_at_ms);
  t.true(started.attached_at_ms <= started.ready_at_ms);
  const work = { anonymous_bytes: 32 * MIB, file_bytes: 2 * MIB, cpu_ms: 30, wall_ms: 100 };
  const first = await guest.work('one', work);
  t.like(first, { anonymous_bytes: work.anonymous_bytes, file_bytes: work.file_bytes });
  t.true(first.minor_faults >= work.anonymous_bytes / 4096);
  t.true(first.cpu_ms >= work.cpu_ms && first.wall_ms >= work.wall_ms);
  t.true(first.started_at_ms <= first.first_byte_at_ms);
  t.true(first.first_byte_at_ms <= first.finished_at_ms);
  const second = await guest.work('one', work);
  t.true(second.minor_faults < 1000, 'the memory of the first invocation is still there');

  const stop = { type: 'stop', instance: 'one' } as const;
  const stopped = (await guest.channel.ask(stop, stoppedSchema, ASK_MS)).value;
  t.true(stopped.peak_bytes >= work.anonymous_bytes);
  t.deepEqual(guest.exits, [], 'an end that was asked for is no event');
  await t.throwsAsync(guest.ask({ type: 'invoke', instance: 'one', work }), {
    message: /no-such-instance/,
  });
});

test('stats of one region, or of none, count no other', async (t) => {
  const guest = await bootGuest(t);
  const counted = async (region_pci: string) => {
    const request = { type: 'stats', region_pci } as const;
    const { value } = await guest.channel.ask(request, statsSchema, ASK_MS);
    return value.partitions.map((partition) => partition.region_pci);
  };
  t.deepEqual(await counted(''), []);
  t.deepEqual(await counted(guest.pci[1] ?? ''), [guest.pci[1]]);
  t.deepEqual(await counted('0000:7f:00.0'), []);
  const too_long = { type: 'stats', region_pci: 'x'.repeat(100) } as const;
  await t.throwsAsync(guest.ask(too_long), { message: /bad-request/ });
  const named = async (regions: readonly string[]) => {
    const { value } = await guest.channel.ask({ type: 'stats', regions }, statsSchema, ASK_MS);
    return value.partitions.map((partition) => partition.region_pci);
  };
  t.deepEqual(await named([]), []);
  t.deepEqual(await named(guest.pci.toReversed()), guest.pci.toReversed());
  t.deepEqual(await named([guest.pci[0] ?? '', '0000:7f:00.0']), [guest.pci[0]]);
  const many = { type: 'stats', regions: Array(257).fill(guest.pci[0]) } as const;
  await t.throwsAsync(guest.ask(many), { message: /bad-request/ });
});

test('stats of named regions tell these alone, whatever region_pci says', async (t) => {
  const guest = await bootGuest(t);
  const told = async (regions: readonly string[], region_pci?: string) => {
    const request = { type: 'stats', regions, ...(region_pci === undefined ? {} : { region_pci }) };
    const { value } = await guest.channel.ask({ ...request, type: 'stats' }, statsSchema, ASK_MS);
    return value.partitions.map((partition) => partition.region_pci);
  };
  const [first = '', second = ''] = guest.pci;
  t.deepEqual(await told([]), []);
  t.deepEqual(await told([second], first), [second]);
  const both = await told([second, first, '0000:7f:00.0']);
  t.deepEqual(both.toSorted(), [first, second]);
  for (const regions of [Array<string>(257).fill(first), 'all']) {
    const request: object = { type: 'stats', regions };
    const asked = guest.ask({ ...request, type: 'stats' });
    await t.throwsAsync(asked, { message: /bad-request/ });
  }
});

test('stats count what the VMM counts, also when half a memory block is plugged', async (t) => {
  const guest = await bootGuest(t);
  const before = await guest.stats();
  t.deepEqual(
    before.partitions.map((partition) => partition.region_pci),
    [...guest.pci],
  );
  for (const bytes of [REGION_BYTES, 64 * MIB, 130 * MIB, 0]) {
    t.is((await guest.vm.resizeRegion('r1', bytes, RESIZE)).outcome, 'done');
    /* A stock kernel puts the last memory block online after it told the VMM of the plug. */
    const counted = async () => {
      const [r0, r1] = (await guest.stats()).partitions;
      return r0?.plugged_bytes === 0 && r1?.plugged_bytes === bytes ? r1 : null;
    };
    const region = await waitFor(counted, { clock: hostClock, deadline_ms: ASK_MS });
    t.is(region?.state, 'stock', `the guest counts ${bytes} bytes`);
  }
  const after = await guest.stats();
  t.is(after.memory_total_bytes, before.memory_total_bytes);
  t.true(after.cpu_system_ms > before.cpu_system_ms);
  t.true(after.minor_faults >= before.minor_faults);
});

test('an instance that ends by itself is told with its reason', async (t) => {
  const guest = await bootGuest(t);
  const endOf = async (instance: string, fault: string, memory_max_bytes = 0) => {
    await guest.start(instance, { env: { HOTPLANE_FAULT: fault }, memory_max_bytes });
    const work = { ...SMALL, anonymous_bytes: 64 * MIB };
    await t.throwsAsync(guest.ask({ type: 'invoke', instance, work }), {
      message: /instance-failed/,
    });
    const event = await guest.exitOf(instance);
    await guest.ask({ type: 'stop', instance });
    return event;
  };
  t.like(await endOf('exits', 'exit'), { reason: 'exited', status: 3, signal: null });
  // The init goes before instances; none of them has its priority.
  t.like(await endOf('tells', 'tell-priority'), { reason: 'exited', status: 20 });
  t.like(await endOf('aborts', 'abort'), { reason: 'crash', status: null, signal: 6 });
  t.like(await endOf('grows', '', 16 * MIB), { reason: 'oom', signal: 9 });
  t.true((await guest.stats()).oom_kills > 0);
  t.is(await guest.ask({ type: 'ping' }).then(() => 'alive'), 'alive');
});

test('requests that cannot be served are refused with a code, one instance at a time', async (t) => {
  const guest = await bootGuest(t);
  await guest.start('one');
  const refused = async (code: string, request: Parameters<typeof guest.ask>[0]) => {
    const error = await t.throwsAsync(guest.ask(request));
    t.true(error?.message.includes(code), `${error?.message} has ${code}`);
  };
  await t.throwsAsync(guest.start('one'), { message: /instance-exists/ });
  await t.throwsAsync(guest.start('two', { argv: ['/bin/none'] }), { message: /spawn-failed/ });
  await t.throwsAsync(guest.start('two', { attach: 'hotmem' }), { message: /attach-refused/ });
  await t.throwsAsync(guest.start('two', { attach: 'numa' }), { message: /bad-request/ });
  await refused('no-such-instance', { type: 'stop', instance: 'two' });
  await refused('bad-request', { type: 'stop', instance: 'x'.repeat(129) });
  const work = { ...SMALL, wall_ms: 600_000 };
  const slow = pending(guest.ask({ type: 'invoke', instance: 'one', work }));
  await refused('busy', { type: 'invoke', instance: 'one', work: SMALL });
  await guest.ask({ type: 'stop', instance: 'one' });
  await t.throwsAsync(slow, { message: /instance-failed/ });
});

test('stop ends what a program left behind, and a program that never gets ready', async (t) => {
  const guest = await bootGuest(t);
  await guest.start('forks', { env: { HOTPLANE_FAULT: 'fork' } });
  await guest.ask({ type: 'invoke', instance: 'forks', work: SMALL });
  await guest.ask({ type: 'stop', instance: 'forks' });
  const never = pending(guest.start('never', { env: { HOTPLANE_FAULT: 'never-ready' } }));
  await guest.ask({ type: 'stop', instance: 'never' });
  await t.throwsAsync(never, { message: /stopped/ });
  t.like((await guest.stats()).partitions[0], { users: 0 });
});

test('the shared files are open to all instances, also when many are the first at once', async (t) => {
  const guest = await bootGuest(t);
  const names = Array.from({ length: 32 }, (_, index) => `instance-${index}`);
  await Promise.all(names.map(async (name) => await guest.start(name)));
  const work = { anonymous_bytes: 0, file_bytes: 64 * 1024, cpu_ms: 0, wall_ms: 0 };
  const replies = names.map((instance) => guest.work(instance, work));
  for (const value of await Promise.all(replies)) t.is(value.file_bytes, work.file_bytes);
});

test('as many instances as a VM has regions live side by side, again and again', async (t) => {
  const guest = await bootGuest(t);
  const names = Array.from({ length: LIMITS.regions_per_vm }, (_, index) => `instance-${index}`);
  for (let times = 0; times < 2; times += 1) {
    const started = await Promise.all(names.map(async (name) => await guest.start(name)));
    t.is(new Set(started.map(({ pid }) => pid)).size, names.length);
    const work = { ...SMALL, anonymous_bytes: 64 * 1024 };
    await Promise.all(names.map((instance) => guest.ask({ type: 'invoke', instance, work })));
    await Promise.all(names.map((instance) => guest.ask({ type: 'stop', instance })));
    t.like((await guest.stats()).partitions[0], { users: 0 });
  }
});

test('the first of many starts is told before the last one is begun', async (t) => {
  const guest = await bootGuest(t);
  const told: string[] = [];
  const names = Array.from({ length: 64 }, (_, index) => `instance-${index}`);
  const started = await Promise.all(
    names.map(async (name) => {
      const answer = await guest.start(name);
      told.push(name);
      return answer;
    }),
  );
  // An answer is stamped and sent in one go, so the guest's stamps give the order of both.
  const first_told_ms = Math.min(...started.map(({ ready_at_ms }) => ready_at_ms));
  const last_begun_ms = Math.max(...started.map(({ created_at_ms }) => created_at_ms));
  t.true(first_told_ms < last_begun_ms, `${first_told_ms} before ${last_begun_ms}`);
  t.is(new Set(told).size, names.length);
});

test('an instance finds nothing of those before it, neither limit nor peak', async (t) => {
  const guest = await bootGuest(t);
  const work = { ...SMALL, anonymous_bytes: 48 * MIB };
  await guest.start('greedy', { memory_max_bytes: 16 * MIB });
  await t.throwsAsync(guest.ask({ type: 'invoke', instance: 'greedy', work }));
  t.like(await guest.exitOf('greedy'), { reason: 'oom' });
  await guest.ask({ type: 'stop', instance: 'greedy' });
  // More of them than the init keeps cgroups ready for.
  for (let index = 0; index < 40; index += 1) {
    const instance = `instance-${index}`;
    const large = index % 2 === 0;
    await guest.start(instance);
    await guest.ask({ type: 'invoke', instance, work: large ? work : SMALL });
    const stop = { type: 'stop', instance } as const;
    const { value } = await guest.channel.ask(stop, stoppedSchema, ASK_MS);
    t.is(value.peak_bytes >= work.anonymous_bytes, large, `${instance}: ${value.peak_bytes}`);
  }
});

test('an instance that waits for its region is not woken by another one', async (t) => {
  const guest = await bootGuest(t, 'nodes');
  const numa = { attach: 'numa', attach_timeout_ms: 90_000 } as const;
  let second_ready = false;
  const first = pending(guest.start('first', { ...numa, guest_node: 1 }));
  const of_second = { ...numa, guest_node: 2, region_pci: guest.pci[1] ?? '' };
  const second = pending(
    guest.start('second', of_second).finally(() => {
      second_ready = true;
    }),
  );
  t.is((await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE)).outcome, 'done');
  await first;
  t.false(second_ready, 'its region holds nothing');
  t.is((await guest.vm.resizeRegion('r1', REGION_BYTES, RESIZE)).outcome, 'done');
  const { sandbox_at_ms, attached_at_ms } = await second;
  t.true(attached_at_ms > sandbox_at_ms);
});

test('with a node of its own an instance waits for its region and lives in it', async (t) => {
  const guest = await bootGuest(t, 'nodes');
  const early = { attach: 'numa', guest_node: 1, attach_timeout_ms: 200 } as const;
  await t.throwsAsync(guest.start('early', early), {
    message: /no block of \d+ to \d+ online in (?:[2-9]\d\d|\d{4,}) ms, \d+ looks.*attach-timeout/,
  });
  const waiting = pending(guest.start('one', { ...early, attach_timeout_ms: 90_000 }));
  t.is((await guest.vm.resizeRegion('r0', REGION_BYTES, RESIZE)).outcome, 'done');
  const started = await waiting;
  t.true(started.ready_at_ms > started.sandbox_at_ms);
  const free = (await guest.stats()).memory_free_bytes;
  await guest.ask({
    type: 'invoke',
    instance: 'one',
    work: { ...SMALL, anonymous_bytes: 128 * MIB },
  });
  t.true(free - (await guest.stats()).memory_free_bytes >= 120 * MIB);
  await guest.ask({ type: 'stop', instance: 'one' });
  const migrated = (await guest.stats()).pages_migrated;
  t.is((await guest.vm.resizeRegion('r0', 0, RESIZE)).outcome, 'done');
  t.true((await guest.stats()).pages_migrated - migrated < 1000, 'nothing of others was in it');
});
