/** Heads are told to whoever keeps them: by Status and by metrics. */
import test from 'ava';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { HttpSurface } from '../../../agent/http/surface.ts';
import { emulated } from '../../../agent/model/work.ts';
import { assert } from '../../../base/assert.ts';
import { readHeads } from '../../../ledger/command.ts';
import { segmentPath } from '../../../ledger/segments.ts';
import { verify } from '../../../ledger/verify.ts';
import { folderOf } from '../../ledger/made.ts';
import { serve } from '../api/serving.ts';
import { specOf, WORK } from '../core/world.ts';
import { ask } from '../http/asking.ts';
import { ledgerIn } from './keeping.ts';

test('the head that Status and metrics tell is in the ledger, and missed when it is cut off', async (t) => {
  const folder = folderOf(t);
  const ledger = ledgerIn(folder);
  t.teardown(() => ledger.close('stopped'));
  const { agent, client } = await serve(t, undefined, { ledger });
  const surface = await HttpSurface.listen(
    { host: '127.0.0.1', port: 0 },
    pino({ level: 'silent' }),
  );
  t.teardown(() => surface.close());
  surface.attach(agent);
  await client.deploy(specOf('f'));
  await client.invoke({ function: 'f', invocation_id: 'A', ...emulated(WORK) });
  const { ledger: head } = await client.status('');
  assert(head, 'Status tells a head');
  t.like(head, { ledger: ledger.head.ledger, is_full: false });
  const at = { host: '127.0.0.1', port: surface.server.port ?? 0, path: '/metrics' };
  const { body } = await ask(at);
  const told = new RegExp(`^hotplane_ledger_head_seq\\{ledger="${head.ledger}"\\} (\\d+)$`, 'm');
  t.true(Number(told.exec(body)?.[1]) >= head.seq);
  t.true(body.includes(`hotplane_ledger_full{ledger="${head.ledger}"} 0`));
  t.like(verify(folder, [head]), { bad: null, heads_met: 1 });

  const lines = readFileSync(segmentPath(folder, 1), 'utf8').split('\n');
  const cut = folderOf(t);
  writeFileSync(segmentPath(cut, 1), `${lines.slice(0, head.seq - 1).join('\n')}\n`);
  t.is(verify(cut).bad, null, 'without a head nobody sees it');
  t.like(verify(cut, [head]).bad, { code: 'HP_LEDGER_BROKEN', seq: head.seq });
});

test('an agent without a ledger tells no head', async (t) => {
  const { client } = await serve(t);
  t.is((await client.status('')).ledger, null);
});

test('a file of heads that has none is refused: nothing would be compared with it', (t) => {
  const path = join(folderOf(t), 'heads.jsonl');
  writeFileSync(path, '\n');
  t.throws(() => readHeads([path]), { code: 'HP_LEDGER_HEAD', message: /has no head in it/ });
  writeFileSync(path, 'seq 5');
  t.throws(() => readHeads([path]), { code: 'HP_LEDGER_HEAD', message: /is no head/ });
  writeFileSync(path, `5:${'7'.repeat(64)}\n`);
  t.deepEqual(readHeads([path]), [{ seq: 5, hash: '7'.repeat(64) }]);
});
