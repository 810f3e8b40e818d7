/** Bodies on their way in are bounded together, whoever sends them. */
import test from 'ava';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { Bodies } from '../../../agent/http/body.ts';
import { hostClock } from '../../../base/clock.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { waitFor } from '../../../base/wait.ts';
import { ask } from './asking.ts';

const LONG = { clock: hostClock, deadline_ms: 30_000 };

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
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  t.teardown(() => server.closeAllConnections());
  const at = server.address();
  const where = {
    host: '127.0.0.1',
    port: at !== null && typeof at === 'object' ? at.port : 0,
    method: 'POST',
  };
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
