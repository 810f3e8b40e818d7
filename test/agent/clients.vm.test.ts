/**
 * Goal: clients of the Lambda Runtime API that nobody here wrote serve a thousand invocations in
 * one VM of eight instances, and every byte comes back.
 * Method: HOTPLANE_ECHO_FUNCTIONS names a folder with a folder for each client: a function.yaml and
 * its program, which answers with its event. Without it nothing is tried.
 */
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { hostClock } from '../../base/clock.ts';
import { KIB, MIB } from '../../base/units.ts';
import { readFunctionFile } from '../../cli/function/program.ts';
import { functionHost } from './function-host.ts';

const FOLDER = process.env['HOTPLANE_ECHO_FUNCTIONS'] ?? '';
const INVOCATIONS = 1_000;
const AT_ONCE = 8;

/** Few of the large ones: they take seconds each where nothing accelerates. */
function sizeOf(index: number): number {
  if (index % 250 === 249) return 6 * MIB;
  if (index % 25 === 24) return 256 * KIB;
  return index % 2;
}

/** An event is JSON: a text, so long with its quotes, or as short as one can be. */
const eventOf = (size: number, index: number): string =>
  JSON.stringify(String.fromCodePoint(97 + (index % 26)).repeat(Math.max(0, size - 2)));

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

const clients = FOLDER === '' ? [] : await readdir(FOLDER);

test('the folder of clients is named, or none is tried', (t) => {
  t.is(FOLDER === '', clients.length === 0);
});

for (const client of clients) {
  test.serial(`${client} serves ${INVOCATIONS} invocations in eight instances`, async (t) => {
    const { manifest } = await readFunctionFile(join(FOLDER, client, 'function.yaml'));
    const host = await functionHost(t, [manifest.mechanism]);
    await host.deployFolder(join(FOLDER, client));
    const instances = new Set<string>();
    const from_ms = hostClock.nowMs();
    let next = 0;
    const caller = async (): Promise<void> => {
      while (next < INVOCATIONS) {
        const event = eventOf(sizeOf(next), next);
        next += 1;
        const answer = await host.call(manifest.name, event, {
          headers: { 'content-type': 'application/json' },
        });
        t.is(answer.status, 200, answer.body.slice(0, 400));
        t.is(hashOf(answer.body), hashOf(event), `${event.length} bytes`);
        instances.add(String(answer.headers['hotplane-instance']));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, caller));
    t.log(`${Math.round((hostClock.nowMs() - from_ms) / 1_000)} s in ${instances.size} instances`);
    t.true(instances.size >= AT_ONCE);
  });
}
