/** Bodies on their way in are bounded together, whoever sends them. */
import test, { type ExecutionContext } from 'ava';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { connect } from 'node:net';
import { Bodies } from '../../../agent/http/body.ts';
import { sendProblem } from '../../../agent/http/problem.ts';
import { hostClock } from '../../../base/clock.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { ask } from './asking.ts';

const LONG = { clock: hostClock, deadline_ms: 30_000 };
/** More than sockets hold. */
const MUCH = 16 * MIB;

async function portOf(t: ExecutionContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  t.teardown(() => server.closeAllConnections());
  const at = server.address();
  return at !== null && typeof at === 'object' ? at.port : 0;
}

test('bodies that are too much together are refused, until one has come or was cut', async (t) => {
  const bodies = new Bodies(1_000);
  const ends: string[] = [];
  const server = createServer((asked, response) => {
    const end = (how: string): void => {
      ends.push(how);
      response.end(how);
    };
    bodies.read(asked).then(
      (body) => end(`${body.length} bytes`),
      (error: unknown) => end(isHotplaneError(error) ? error.code : String(error)),
    );
  });
  const where = { host: '127.0.0.1', port: await portOf(t, server), method: 'POST' };
  const other = async (): Promise<string> => (await ask(where, Buffer.alloc(800))).body;
  const untilOther = async (wanted: string): Promise<true | null> =>
    await waitFor(async () => ((await other()) === wanted ? true : null), LONG);
  for (const way of ['end', 'destroy'] as const) {
    const slow = request(where);
    slow.on('error', () => undefined).write(Buffer.alloc(700));
    t.true(await untilOther('HP_AGENT_PAYLOADS_HELD'), 'one holds the room');
    slow[way]();
    t.true(await untilOther('800 bytes'), `after ${way} there is room again`);
  }
  t.true(ends.includes('700 bytes'));
  t.true(ends.includes('HP_AGENT_CANCELLED'));
});

for (const told of [true, false]) {
  const how = told ? 'its length told' : 'in chunks';
  test(`a body that is refused, ${how}, does not hold up the next on its connection`, async (t) => {
    const bodies = new Bodies(1_000);
    const server = createServer((asked, response) => {
      bodies.read(asked).then(
        (body) => response.end(`${body.length} bytes`),
        (error: unknown) => sendProblem(response, error),
      );
    });
    const socket = connect(await portOf(t, server), '127.0.0.1');
    t.teardown(() => socket.destroy());
    let heard = '';
    socket.on('error', () => undefined).on('data', (part) => (heard += part.toString()));
    const head = 'POST / HTTP/1.1\r\nHost: a\r\n';
    const length = `Content-Length: ${MUCH}\r\n\r\n`;
    const chunk = `Transfer-Encoding: chunked\r\n\r\n${MUCH.toString(16)}\r\n`;
    socket.write(`${head}${told ? length : chunk}`);
    socket.write(Buffer.alloc(MUCH));
    socket.write(`${told ? '' : '\r\n0\r\n\r\n'}${head}Content-Length: 4\r\n\r\nnext`);
    const served = await waitFor(async () => heard.includes('4 bytes') || null, LONG);
    t.true(served, heard);
    t.regex(heard, told ? /HP_AGENT_HTTP_BODY/ : /HP_AGENT_PAYLOADS_HELD/);
  });
}
