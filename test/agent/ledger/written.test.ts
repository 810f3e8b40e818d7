/** When records are written: what is granted before it is done, news of it a little later. */
import test from 'ava';
import type { Decided } from '../../../agent/ledger/step.ts';
import { emulated } from '../../../agent/model/work.ts';
import { AGENT_LIMITS } from '../../../agent/limits.ts';
import { specOf, WORK } from '../core/world.ts';
import { keepingHost } from './keeping.ts';

/** Of every action that gives memory to somebody or takes it, what its record is called. */
const RECORDED: Readonly<Record<string, string>> = {
  'launch-vm': 'launch',
  'resize-region': 'plug or unplug',
  'start-instance': 'holder',
  'shutdown-vm': 'shutdown',
};

test('what gives or takes memory is written before it is done, news of a holder soon after', async (t) => {
  const { agent, clock, ledger, records } = keepingHost(t);
  let noted: Decided[] = [];
  const [note, write] = [ledger.note.bind(ledger), ledger.write.bind(ledger)];
  const seen = new Map<string, number>();
  const seqsOf = (kind: string): number =>
    records().filter((one) => kind.split(' or ').includes(one.kind)).length;
  let attached_at_once = true;
  ledger.note = (decided) => {
    noted.push(decided);
    note(decided);
  };
  ledger.write = () => {
    write();
    for (const { actions, event } of noted) {
      for (const { type } of actions) {
        const kind = RECORDED[type];
        if (kind === undefined) continue;
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        t.is(seqsOf(kind), seen.get(kind) ?? 0, `${kind} is written with its step`);
      }
      if (event.type === 'instance-started') attached_at_once = seqsOf('attached') > 0;
    }
    noted = [];
  };
  await clock.until(agent.deploy(specOf('f', { concurrency: 1, keep_alive_ms: 2_000 })));
  const call = clock.until(agent.invoke('f', 'c1', emulated({ ...WORK, wall_ms: 500 })));
  await call;
  t.false(attached_at_once, 'what a guest told of its holder grants nothing, and waits');
  await clock.advance(AGENT_LIMITS.ledger_written_after_ms);
  t.is(seqsOf('attached'), 1);
  await clock.until(agent.stop(0));
  t.deepEqual([...seen.keys()].toSorted(), Object.values(RECORDED).toSorted());
  ledger.close('stopped');
});
