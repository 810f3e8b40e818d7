/** One table of refusals, held against the fake and, where it is there, against the real server. */
import test, { type ExecutionContext } from 'ava';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BINARY } from './binary.ts';
import { realServer } from './real-binary.ts';
import { rawCall, type Refusal, refusalsIn } from './refusals.ts';
import { fakeStage } from './stage.ts';

/** Where the answer was another one: a line each. */
async function differences(socket_path: string, table: readonly Refusal[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name, calls, status, says } of table) {
    const before = calls.slice(0, -1);
    for (const call of before) {
      const answer = await rawCall(socket_path, call.replace(/^\? /, ''));
      if (answer.status >= 300 && !call.startsWith('? ')) {
        wrong.push(`${name}: ${call} got ${answer.status} ${answer.body}`);
      }
    }
    const answer = await rawCall(socket_path, calls.at(-1) ?? '');
    if (answer.status !== status || (says && !says.test(answer.body))) {
      wrong.push(`${name}: ${answer.status} ${answer.body.slice(0, 300)}`);
    }
    await rawCall(socket_path, 'PUT vm.delete');
  }
  return wrong;
}

async function check(t: ExecutionContext, root: string, socket_path: string): Promise<void> {
  await writeFile(join(root, 'no-kernel'), 'this is no kernel\n'.repeat(100));
  const table = refusalsIn(root);
  t.true(table.length > 90);
  t.deepEqual(await differences(socket_path, table), []);
}

test('the fake refuses what the server refuses, and takes what it takes', async (t) => {
  const { root, socket_path } = await fakeStage(t);
  await check(t, root, socket_path);
});

const KERNEL = process.env['CLOUD_HYPERVISOR_KERNEL'] ?? '';
const real = BINARY !== '' && KERNEL !== '' ? test.serial : test.skip;
real('real: the table holds for the server itself', async (t) => {
  t.timeout(120_000);
  const { root, socket_path } = await realServer(t);
  await copyFile(KERNEL, join(root, 'kernel'));
  await check(t, root, socket_path);
});
