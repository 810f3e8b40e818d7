/** Updates as callers see them: over the API and by `hotplane deploy`, while calls go on. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { MIB } from '../../../base/units.ts';
import { runLine } from '../../cli/run-line.ts';
import { specOf, WORK } from '../core/world.ts';
import { serve } from './serving.ts';

const LARGER = specOf('f', { limit_bytes: 256 * MIB });

test('another spec is a conflict, unless an update is asked for, and no call is lost by it', async (t) => {
  const { client } = await serve(t);
  const first = await client.deploy(specOf('f'));
  t.like(first, { revision: 1, changed: [], replaced_vms: 0 });
  await t.throwsAsync(client.deploy(LARGER), { code: 'HP_AGENT_CONFLICT' });
  const told = await client.deploy(LARGER, { update: true, dry_run: true });
  t.like(told, { revision: 1, changed: ['limit_bytes'], replaced_vms: 1 });
  const over = new AbortController();
  const outcomes: string[] = [];
  const calling = (async () => {
    for (let count = 0; !over.signal.aborted || count < 5; count += 1) {
      const call = { function: 'f', invocation_id: `${count}`, ...emulated(WORK) };
      const { outcome } = await client.invoke(call);
      outcomes.push(outcome);
    }
  })();
  const done = await client.deploy(LARGER, { update: true });
  over.abort();
  await calling;
  t.like(done, { revision: 2, changed: ['limit_bytes'], replaced_vms: 1 });
  t.not(done.vm_id, first.vm_id);
  t.deepEqual([...new Set(outcomes)], ['done']);
  for await (const row of client.functions()) t.like(row, { revision: 2, limit_bytes: 256 * MIB });
});

test('hotplane deploy tells what a changed definition does, or would do', async (t) => {
  const { socket_path, client } = await serve(t);
  const deploy = async (words: string) => {
    const line = `deploy f --limit 128MiB --concurrency 2 --boot-memory 256MiB ${words}`;
    return await runLine(`${line} --socket ${socket_path}`);
  };
  t.is((await deploy('--keep-alive 60')).code, 0);
  t.is((await deploy('--keep-alive 60 --dry-run')).out, 'f: nothing would change\n');
  t.is(
    (await deploy('--keep-alive 5 --dry-run')).out,
    'f: keep_alive_ms would change, in place; its revision is 1\n',
  );
  t.is(
    (await deploy('--keep-alive 60 --vcpus 2 --dry-run')).out,
    'f: vcpus would change, and 1 VM replaced, one by one; its revision is 1\n',
  );
  t.is((await deploy('--keep-alive 5 --no-update')).code, 5);
  t.is((await deploy('--keep-alive 5')).out, 'f: revision 2: keep_alive_ms changed, in place\n');
  t.is(
    (await deploy('--keep-alive 5 --vcpus 2')).out,
    'f: revision 3: vcpus changed, 1 VM replaced\n',
  );
  const never = await deploy('--keep-alive 5 --vcpus 2 --tenant acme');
  t.is(never.code, 5);
  t.regex(never.err, /HP_AGENT_NO_UPDATE|on the account of its tenant/);
  t.like((await client.status()).functions[0]?.function, { vcpus: 2, keep_alive_ms: 5_000 });
});
