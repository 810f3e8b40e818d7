import test from 'ava';
import { renderHtml } from '../../autoscaler/report/html.ts';
import type { MechanismSummary } from '../../autoscaler/report/summary.ts';
import { renderTable } from '../../autoscaler/report/table.ts';
import { healthyRun, madeStep, type MadeRun, summaryOf, tallyOf, WINDOW_MS } from './made-run.ts';

/** Changes the lines of one mechanism, and leaves the other as it was. */
function spoil<Line extends { readonly mechanism: string }>(
  lines: Line[],
  change: (line: Line, index: number) => Line | null,
  mechanism = 'hotmem',
): void {
  let index = -1;
  const changed = lines.map((line) => {
    if (line.mechanism !== mechanism) return line;
    index += 1;
    return change(line, index);
  });
  lines.splice(0, lines.length, ...changed.filter((line) => line !== null));
}

function found(run: MadeRun, name = 'hotmem'): MechanismSummary {
  const one = summaryOf(run).mechanisms.find(({ mechanism }) => mechanism === name);
  if (!one) throw new Error(`no mechanism ${name}`);
  return one;
}

const unanswered = { outcome: 'failed', assigned_at_ms: null, finished_at_ms: null } as const;

test('what did all the work, lived and was undisturbed is compared', (t) => {
  const run = healthyRun();
  t.deepEqual(found(run).not_compared, []);
  t.is(found(run).saving.committed, 0.5);
  t.is(found(run).saving_per_in_time.committed, 0.5);
  t.deepEqual(found(run).marks, []);
  t.is(found(run, 'static').saving.committed, null, 'the baseline saves nothing');
});

for (const [title, code, text, change] of [
  [
    'its VM died: zeros to the end',
    'vm-not-alive',
    /VM of f1 ended from 3 s on/,
    (run) =>
      spoil(run.memory, (line) =>
        line.kind === 'step' && line.at_ms >= 3000 ? madeStep('hotmem', line.at_ms, 0) : line,
      ),
  ],
  [
    'its VM died: no more lines',
    'vm-not-alive',
    /nothing is known of the VM of f1 for 17 s from 3 s on/,
    (run) => spoil(run.memory, (line) => (line.kind === 'step' && line.at_ms > 3000 ? null : line)),
  ],
  [
    'its VM was started again',
    'vm-not-alive',
    /seen from 5 s on only|another one at the end/,
    (run) => spoil(run.memory, (line) => (line.at_ms >= 5000 ? { ...line, vm_id: 'vm2' } : line)),
  ],
  [
    'its VM was lost at the end',
    'vm-not-alive',
    /was lost at the end/,
    (run) =>
      spoil(run.memory, (line) =>
        line.kind === 'check' && line.at === 'end'
          ? { ...line, vm_state: 'lost', regions: [] }
          : line,
      ),
  ],
  [
    'no VM was ever seen',
    'vm-not-alive',
    /no VM of f1 was ever seen/,
    (run) => spoil(run.memory, () => null),
  ],
  [
    'the VM cannot be seen and is told as nothing',
    'vm-not-alive',
    /had no memory that could be seen from 3 s on/,
    (run) =>
      spoil(run.memory, (line) =>
        line.kind === 'step' && line.at_ms === 3000 ? { ...line, resident_bytes: 0 } : line,
      ),
  ],
  [
    'calls failed',
    'work-not-done',
    /of 20 planned invocations 15 failed/,
    (run) =>
      spoil(run.invocations, (line, index) => (index < 5 ? line : { ...line, ...unanswered })),
  ],
  [
    'a call was refused',
    'work-not-done',
    /of 20 planned invocations 1 refused/,
    (run) =>
      spoil(run.invocations, (line, index) =>
        index > 0 ? line : { ...line, ...unanswered, outcome: 'refused' as const },
      ),
  ],
  [
    'fewer calls were sent',
    'work-not-done',
    /of 20 planned invocations 10 never sent/,
    (run) => spoil(run.invocations, (line, index) => (index % 2 === 0 ? line : null)),
  ],
  [
    'a call was done after the window',
    'work-not-done',
    /of 20 planned invocations 1 done after the window/,
    (run) =>
      spoil(run.invocations, (line, index) =>
        index === 19 ? { ...line, finished_at_ms: WINDOW_MS + 1 } : line,
      ),
  ],
  [
    'callers waited, which kept its memory low',
    'unequal-work',
    /served 0 of 20 within 1 s of their planned end, static 20 of 20/,
    (run) =>
      spoil(run.invocations, (line) => ({
        ...line,
        waited: true,
        assigned_at_ms: line.planned_at_ms + 1500,
        finished_at_ms: line.planned_at_ms + 1602,
      })),
  ],
  [
    'somebody else used the CPU',
    'host-disturbed',
    /other programs took of the CPU time 45 %/,
    (run) => spoil(run.load, (line) => ({ ...line, other_cpu_share: 0.45 })),
  ],
  [
    'somebody else used the CPU for a third of the time',
    'host-disturbed',
    /other programs took/,
    (run) =>
      spoil(run.load, (line, index) => (index < 7 ? { ...line, other_cpu_share: 0.5 } : line)),
  ],
  [
    'a hypervisor below took time away',
    'host-disturbed',
    /hypervisor below took/,
    (run) => spoil(run.load, (line) => ({ ...line, steal_share: 0.2 })),
  ],
  [
    'the host was short of memory',
    'host-disturbed',
    /tasks waited for memory/,
    (run) => spoil(run.load, (line) => ({ ...line, psi_memory_some_share: 0.3 })),
  ],
  [
    'the replay stood still for a moment',
    'host-disturbed',
    /held up for 1.5 s/,
    (run) =>
      spoil(run.load, (line, index) => (index === 3 ? { ...line, event_loop_lag_ms: 1500 } : line)),
  ],
] as const satisfies readonly (readonly [string, string, RegExp, (run: MadeRun) => void])[]) {
  test(`not compared, and never with a saving: ${title}`, (t) => {
    const run = healthyRun();
    change(run);
    const one = found(run);
    t.true(one.not_compared.some((reason) => reason.code === code));
    t.regex(one.not_compared.map((reason) => reason.text).join('; '), text);
    t.false(one.comparable);
    t.deepEqual([...new Set(Object.values(one.saving))], [null]);
    t.deepEqual([...new Set(Object.values(one.saving_per_in_time))], [null]);
    t.regex(renderTable(summaryOf(run)), /hotmem is not compared: /);
    const page = renderHtml(tallyOf(run), summaryOf(run));
    t.regex(page, /m-hotmem uncompared/);
    t.is(page.match(/<i style="width/g)?.length, 1, 'only the baseline has a bar');
    t.true(found(run, 'static').comparable);
  });
}

test('with a baseline that cannot be compared nothing is', (t) => {
  const run = healthyRun();
  spoil(run.load, (line) => ({ ...line, other_cpu_share: 0.9 }), 'static');
  t.is(found(run).saving.resident, null);
  t.true(found(run).comparable, 'nothing stands against it itself');
  t.regex(renderTable(summaryOf(run)), /The baseline static cannot be compared with/);
});

test('without the baseline no heading speaks of a change against it', (t) => {
  const text = renderTable(summaryOf(healthyRun(['numa', 'hotmem'])));
  t.notRegex(text, /change against/);
  t.regex(text, /This run has no baseline: static was not replayed/);
});

test('a run whose load nobody observed is compared, and marked', (t) => {
  const run = { ...healthyRun(), load: [] };
  t.deepEqual(found(run).marks, ['load-not-observed']);
  t.is(found(run).saving.committed, 0.5);
  t.regex(renderTable(summaryOf(run)), /Load not observed \(static, hotmem\)/);
});

test('a load that was seen in part is marked', (t) => {
  const run = healthyRun();
  spoil(run.load, (line, index) => (index < 5 ? line : null));
  t.deepEqual(found(run).marks, ['load-observed-in-part']);
});

test('a host filled by the run itself is marked', (t) => {
  const run = healthyRun();
  spoil(run.invocations, (line) => ({ ...line, finished_at_ms: line.planned_at_ms + 140 }));
  t.deepEqual(found(run).marks, ['saturated']);
  t.regex(renderTable(summaryOf(run)), /hotmem is saturated: .* 1\.40 times/);
  t.deepEqual(found(run, 'static').marks, []);
});

test('after unequal work what each call in time cost is compared, and sums are not', (t) => {
  const run = healthyRun();
  const late = run.invocations.filter((line) => line.mechanism === 'hotmem').slice(0, 5);
  for (const line of late) {
    const assigned_at_ms = line.planned_at_ms + 1500;
    Object.assign(line, { waited: true, assigned_at_ms, finished_at_ms: assigned_at_ms + 102 });
  }
  t.is(found(run).saving.committed, null);
  // Half of the memory for 15 of 20 calls.
  t.is(found(run).saving_per_in_time.committed, 0.333333);
  t.regex(renderTable(summaryOf(run)), /compared +the baseline +by each in time/);
});

test('on a host that the baseline fills already nothing is compared', (t) => {
  const run = healthyRun();
  const slow = run.invocations.filter((line) => line.mechanism === 'static');
  for (const line of slow) Object.assign(line, { finished_at_ms: line.planned_at_ms + 140 });
  t.deepEqual(
    found(run).not_compared.map(({ code }) => code),
    ['host-saturated'],
  );
  t.is(found(run).saving.committed, null);
});

test('what is not known is not told as 0', (t) => {
  const run = healthyRun();
  spoil(run.memory, () => null);
  t.is(found(run).memory_gib_s.resident, null);
  t.regex(renderTable(summaryOf(run)), /committed +60\.00 +not known/);
});
