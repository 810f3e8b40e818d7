/** When the ledger asks the host what a VM holds: where it changes, and never too often. */
import test from 'ava';
import { emulated } from '../../../agent/model/work.ts';
import { LookBudget } from '../../../agent/ledger/look-budget.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { GIB } from '../../../base/units.ts';
import { specOf, WORK } from '../core/world.ts';
import { keepingHost } from './keeping.ts';

const { ledger_resident_apart_ms: APART_MS, ledger_resident_looks: LOOKS } = AGENT_LIMITS;

test('the host is asked after a first call, and at the beginning and end of plug and unplug', async (t) => {
  const { agent, clock, ledger, records } = keepingHost(t);
  const spec = specOf('f', { concurrency: 1, limit_bytes: GIB, keep_alive_ms: 2_000 });
  await clock.until(agent.deploy(spec));
  for (let call = 1; call <= 3; call += 1) {
    await clock.until(agent.invoke('f', `c${call}`, emulated({ ...WORK, wall_ms: 500 })));
  }
  await clock.advance(6_000);
  await clock.until(agent.stop(0));
  ledger.close('stopped');
  const told = new Set(['plug', 'populated', 'run', 'done', 'resident', 'unplug', 'emptied']);
  const kinds = records().flatMap(({ kind }) => (told.has(kind) ? [kind] : []));
  const begin = kinds.indexOf('plug');
  const tenure = kinds.slice(begin, kinds.indexOf('emptied') + 2).join(' ');
  const calls = 'run resident done resident run done run done';
  t.is(tenure, `plug populated ${calls} resident unplug emptied resident`);
  const all = records();
  const place = all.findIndex(({ kind }) => kind === 'unplug');
  const [before, unplug] = [all[place - 1], all[place]];
  t.like(before, { kind: 'resident', at_ms: unplug?.at_ms });
});

test('a VM is looked at a few times at once, and rarely in the long run', (t) => {
  const budget = new LookBudget();
  const taken = (vm_id: string, ms: number): number => {
    let looks = 0;
    for (let at_ms = 0; at_ms < ms; at_ms += 1) if (budget.take(vm_id, at_ms)) looks += 1;
    return looks;
  };
  t.is(taken('vm1', 100 * APART_MS), LOOKS + 99);
  t.true(budget.take('vm2', 0), 'each has its own');
  budget.clear();
  t.true(budget.take('vm1', 0));
});
