/** The QMP client against a server that says what the test wants. */
import test from 'ava';
import fc from 'fast-check';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QEMU_LIMITS } from '../../../hypervisor-client/qemu/limits.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { hasCode } from '../../../hypervisor-client/errors.ts';
import { QmpClient } from '../../../hypervisor-client/qemu/qmp.ts';
import { parseQmpMessage } from '../../../hypervisor-client/qemu/qmp-message.ts';
import { holds } from '../../seed.ts';

const folder = await mkdtemp(join(tmpdir(), 'hotplane-qmp-'));
test.after.always(async () => await rm(folder, { recursive: true, force: true }));

const GREETING = '{"QMP":{"version":{"qemu":{"major":7}},"capabilities":["oob"]}}\r\n';
let servers = 0;

interface Command {
  readonly execute: string;
  readonly id: number;
}
/** Answers a command by writing to the socket; `qmp_capabilities` is answered for it. */
type Script = (socket: Socket, command: Command) => void;

async function serve(script: Script, greeting = GREETING): Promise<string> {
  servers += 1;
  const path = join(folder, `${servers}.sock`);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().trim().split('\n')) {
        const command: Command = JSON.parse(line);
        if (command.execute === 'qmp_capabilities') answer(socket, command, {});
        else script(socket, command);
      }
    });
  });
  server.listen(path).unref();
  await once(server, 'listening');
  return path;
}

const answer = (socket: Socket, { id }: Command, value: unknown) =>
  socket.write(`${JSON.stringify({ return: value, id })}\r\n`);

const silent: Script = () => undefined;

test('a command returns its result, also when answers come in another order', async (t) => {
  const waiting: Command[] = [];
  const path = await serve((socket, command) => {
    waiting.push(command);
    if (waiting.length < 3) return;
    for (const late of waiting.toReversed()) answer(socket, late, late.execute);
  });
  const qmp = await QmpClient.connect(path);
  const results = await Promise.all(['a', 'b', 'c'].map((name) => qmp.execute(name)));
  t.deepEqual(results, ['a', 'b', 'c']);
  qmp.close();
});

test('an error of QEMU is told with its class and words', async (t) => {
  const path = await serve((socket, { id }) => {
    socket.write(`{"error":{"class":"GenericError","desc":"no such thing"},"id":${id}}\n`);
  });
  const qmp = await QmpClient.connect(path);
  const error = await t.throwsAsync(qmp.execute('qom-get'));
  t.true(hasCode(error, 'HP_QMP_ERROR'));
  t.deepEqual(isHotplaneError(error) ? error.details : null, {
    class: 'GenericError',
    description: 'no such thing',
  });
  qmp.close();
});

test('a command has a deadline, and a late answer hurts nobody', async (t) => {
  const path = await serve((socket, command) => {
    if (command.execute === 'slow') setTimeout(() => answer(socket, command, 'late'), 80);
    else answer(socket, command, 'quick');
  });
  const qmp = await QmpClient.connect(path);
  const error = await t.throwsAsync(qmp.execute('slow', {}, { deadline_ms: 20 }));
  t.true(hasCode(error, 'HP_QMP_TIMEOUT'));
  t.is(await qmp.execute('other'), 'quick');
  qmp.close();
});

test('an answer to a client before is not taken for that of the next', async (t) => {
  const left: Command[] = [];
  // QEMU tells it to whoever is connected when it has it, right after its greeting as well.
  const path = await serve((socket, command) => {
    if (command.execute !== 'query-status') {
      left.push(command);
      return;
    }
    for (const one of left.splice(0)) answer(socket, one, 'of another');
    setTimeout(() => answer(socket, command, 'its own'), 20);
  });
  const before = await QmpClient.connect(path);
  await t.throwsAsync(before.execute('query-kvm', {}, { deadline_ms: 20 }));
  before.close();
  const next = await QmpClient.connect(path);
  t.is(await next.execute('query-status'), 'its own');
  next.close();
});

test('events go to every reader, and end with the connection', async (t) => {
  const path = await serve((socket, command) => {
    socket.write('{"event":"STOP","data":{},"timestamp":{"seconds":1,"microseconds":2}}\n');
    socket.write('{"event":"RESUME","timestamp":{"seconds":1,"microseconds":2}}\n');
    answer(socket, command, {});
  });
  const qmp = await QmpClient.connect(path);
  const readers = [Array.fromAsync(qmp.events()), Array.fromAsync(qmp.events())];
  await qmp.execute('stop');
  qmp.close();
  for (const events of await Promise.all(readers)) {
    t.deepEqual(
      events.map((event) => event.name),
      ['STOP', 'RESUME'],
    );
  }
});

test('the connection closing after quit is success, before an answer is an error', async (t) => {
  const path = await serve((socket) => socket.destroy());
  const qmp = await QmpClient.connect(path);
  await qmp.quit();
  await qmp.quit();
  t.true(qmp.isClosed);
  t.true(hasCode(await t.throwsAsync(qmp.execute('query-status')), 'HP_QMP_CLOSED'));
  const other = await QmpClient.connect(path);
  t.true(hasCode(await t.throwsAsync(other.execute('query-status')), 'HP_QMP_CLOSED'));
});

test('nobody there, or no greeting in time, is told before the deadline is long past', async (t) => {
  const nobody = await t.throwsAsync(QmpClient.connect(join(folder, 'no-such.sock')));
  t.true(hasCode(nobody, 'HP_QMP_CONNECT'));
  const mute = await serve(silent, '');
  const error = await t.throwsAsync(QmpClient.connect(mute, { deadline_ms: 50 }));
  t.true(hasCode(error, 'HP_QMP_CONNECT'));
});

test('a peer that does not speak QMP is cut off', async (t) => {
  for (const greeting of ['220 mail.example ESMTP\r\n', '[]\n', '{"QMP":1}\n', '"x"\n']) {
    const error = await t.throwsAsync(QmpClient.connect(await serve(silent, greeting)));
    t.true(hasCode(error, 'HP_QMP_PROTOCOL'), greeting);
  }
});

test('a line without an end cannot fill the memory', async (t) => {
  const path = await serve((socket) => socket.write('x'.repeat(QEMU_LIMITS.qmp_line_bytes + 1)));
  const qmp = await QmpClient.connect(path);
  await t.throwsAsync(qmp.execute('query-status'));
  t.true(qmp.isClosed);
});

test('no line makes the parser do anything but return or refuse', async (t) => {
  const property = fc.property(fc.oneof(fc.json(), fc.string()), (line) => {
    try {
      parseQmpMessage(line);
    } catch (error) {
      t.true(hasCode(error, 'HP_QMP_PROTOCOL'));
    }
  });
  await holds(t, property, { runs: 5_000 });
});
