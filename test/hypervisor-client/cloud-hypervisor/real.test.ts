/** The client against the real server: what needs no guest that runs. */
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  CloudHypervisor,
  type ChErrorCode,
  isChError,
  readEventFile,
} from '../../../hypervisor-client/cloud-hypervisor/index.ts';
import { CALLS } from './calls.ts';
import { realServer, realTest } from './real-binary.ts';
import { configIn } from './stage.ts';

const check = realTest();
const MIB = 1024 * 1024;

check('real: the version is read, and is one the driver takes', async (t) => {
  const { ch } = await realServer(t);
  const { major, text, features } = await ch.version();
  t.log(`Cloud Hypervisor ${text}`);
  t.true(major >= 53);
  t.true(features.actual_size);
});

check('real: every call without a VM ends as the table says', async (t) => {
  const { ch } = await realServer(t);
  const fine = ['vmm.ping', 'vm.delete'];
  const skipped = ['vmm.shutdown', 'vm.create', 'vm.receive-migration'];
  const odd: Readonly<Record<string, ChErrorCode>> = {
    'vm.pause': 'HP_CH_NOT_BOOTED',
    'vm.resume': 'HP_CH_NOT_BOOTED',
    'vm.shutdown': 'HP_CH_NOT_BOOTED',
    'vm.power-button': 'HP_CH_NOT_BOOTED',
    'vm.nmi': 'HP_CH_NOT_BOOTED',
    'vm.counters': 'HP_CH_NOT_BOOTED',
    'vm.snapshot': 'HP_CH_NOT_BOOTED',
    'vm.restore': 'HP_CH_REJECTED',
    'vm.send-migration': 'HP_CH_NOT_BOOTED',
  };
  const wrong: string[] = [];
  for (const call of CALLS) {
    if (skipped.includes(call.route)) continue;
    const error = await call.make(ch, {}).then(
      () => null,
      (reason: unknown) => reason,
    );
    if (fine.includes(call.route)) t.is(error, null, call.route);
    else if (call.route === 'vm.coredump') {
      // Only in builds with guest_debug.
      t.true(isChError(error, 'HP_CH_NOT_SERVED', 'HP_CH_NOT_BOOTED'), call.route);
    } else {
      const code = odd[call.route] ?? 'HP_CH_NOT_CREATED';
      const got = isChError(error, code) ? code : JSON.stringify(error);
      if (got !== code) wrong.push(`${call.route}: ${got}`);
    }
  }
  t.deepEqual(wrong, []);
});

check('real: create, the change of a boot size, a failed boot, delete', async (t) => {
  const { root, ch } = await realServer(t);
  await ch.lifecycle.create(configIn(root));
  t.true(
    isChError(await t.throwsAsync(ch.lifecycle.create(configIn(root))), 'HP_CH_ALREADY_CREATED'),
  );
  const created = await ch.observe.info();
  t.is(created.state, 'Created');
  t.is(created.memory_actual_size, 260 * MIB);
  await ch.memory.resizeZone('region-r0', 4 * MIB);
  t.is((await ch.observe.info()).memory_actual_size, 262 * MIB, 'before boot it is the boot size');
  const error = await t.throwsAsync(ch.lifecycle.boot());
  t.true(isChError(error, 'HP_CH_REJECTED'));
  t.regex(error?.message ?? '', /kernel/);
  await ch.lifecycle.delete();
  await ch.lifecycle.delete();
  t.true(isChError(await t.throwsAsync(ch.observe.info()), 'HP_CH_NOT_CREATED'));
});

check('real: events come as records', async (t) => {
  const { root, events_path, ch } = await realServer(t);
  await writeFile(join(root, 'kernel'), 'no kernel');
  await ch.lifecycle.create(configIn(root));
  await t.throwsAsync(ch.lifecycle.boot());
  await ch.lifecycle.delete();
  await ch.vmm.shutdown();
  const names = (await readEventFile(events_path)).map(({ source, event }) => `${source} ${event}`);
  t.is(names[0], 'vmm starting');
  t.is(names.at(-1), 'vmm shutdown');
  t.true(names.includes('vm booting') && names.includes('vm deleted'));
});

check('real: ten connections are served and the eleventh gets a 503', async (t) => {
  const { socket_path, ch } = await realServer(t);
  const others = Array.from({ length: 10 }, () => new CloudHypervisor({ socket_path }));
  try {
    const ends = await Promise.allSettled(others.map((other) => other.vmm.ping()));
    const refused = ends.filter((end) => end.status === 'rejected');
    t.is(refused.length, 1);
    // It closes without reading the request, which may take the answer away from the reader.
    const codes = ['HP_CH_SERVER_FULL', 'HP_CH_CLOSED'] as const;
    for (const { reason } of refused) t.true(isChError(reason, ...codes), String(reason));
    await ch.vmm.ping();
  } finally {
    for (const other of others) await other.close();
  }
});

check('real: what is no request gets a 400 with a raw newline', async (t) => {
  const { socket_path } = await realServer(t);
  const socket = connect(socket_path);
  socket.write('POST /api/v1/vm.info HTTP/1.1\r\n\r\n');
  const text = await new Promise<string>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('data', (chunk) => resolve(chunk.toString('utf8')));
  });
  socket.destroy();
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  t.true(text.startsWith('HTTP/1.1 400'));
  t.throws(() => JSON.parse(body), { instanceOf: SyntaxError });
});

check('real: the end of the server is the success of a shutdown', async (t) => {
  const { ch } = await realServer(t);
  await ch.vmm.shutdown();
  const error = await t.throwsAsync(ch.vmm.ping());
  t.true(isChError(error, 'HP_CH_CONNECT', 'HP_CH_CLOSED'), String(error));
});
