/** Alarms: the earliest of all times, as looking at every one of them would find it. */
import test from 'ava';
import fc from 'fast-check';
import { AlarmEdit, type Alarms, noAlarms } from '../../../agent/model/alarms.ts';
import { holds } from '../../seed.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e'];
const change = fc.record({
  passed_ms: fc.nat(20),
  rows: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.option(fc.nat(60))), { maxLength: 4 }),
});

/** Looks at all of them. */
function earliestOf(times: ReadonlyMap<string, number>): number | null {
  return times.size === 0 ? null : Math.min(...times.values());
}

test('the earliest alarm is found, later and earlier again; what is due is taken once', async (t) => {
  const property = fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
    let alarms: Alarms = noAlarms();
    const times = new Map<string, number>();
    let now_ms = 0;
    for (const { passed_ms, rows } of changes) {
      now_ms += passed_ms;
      const edit = new AlarmEdit(alarms);
      const due = edit.takeDue(now_ms);
      if (new Set(due).size !== due.length) throw new Error('twice');
      for (const [name, at_ms] of times) {
        if (at_ms <= now_ms && !due.includes(name)) throw new Error(`${name} was not due`);
      }
      for (const name of due) {
        const at_ms = times.get(name);
        if (at_ms !== undefined && at_ms > now_ms) edit.set(name, at_ms);
        else times.delete(name);
      }
      for (const [name, in_ms] of rows) {
        if (in_ms === null) times.delete(name);
        else times.set(name, now_ms + 1 + in_ms);
        edit.set(name, times.get(name) ?? null);
      }
      const earliest = edit.earliest((name) => times.get(name) ?? null);
      if (earliest !== earliestOf(times)) {
        throw new Error(`${earliest} instead of ${earliestOf(times)}`);
      }
      alarms = edit.close();
    }
  });
  await holds(t, property, { runs: 300 });
});

test('a time that moves on with every step costs one entry, not one a step', (t) => {
  let alarms = noAlarms();
  for (let step = 0; step < 1_000; step += 1) {
    const edit = new AlarmEdit(alarms);
    edit.set('busy', 60_000 + step);
    t.is(
      edit.earliest(() => 60_000 + step),
      60_000 + step,
    );
    alarms = edit.close();
  }
  let entries = 0;
  const count = (entry: Alarms['heap']): void => {
    if (!entry) return;
    entries += 1;
    count(entry.left);
    count(entry.right);
  };
  count(alarms.heap);
  t.is(entries, 1);
});
