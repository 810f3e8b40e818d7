/** The agent's own share of a growth: beside real VMs, and with nothing beside it. */
import test from 'ava';
import { elasticChecks } from '../../bench/elastic/checks.ts';
import { summarizeElastic } from '../../bench/elastic/figures.ts';
import { renderElastic } from '../../bench/elastic/table.ts';
import { readThreadTime } from '../../bench/thread-time.ts';
import { REPORT, RUN } from './elastic-run.ts';

test("the agent's own share is told with what it waited for a CPU and without, and where", (t) => {
  const summary = summarizeElastic(RUN);
  t.like(summary.alone, { n: 100, p50_ms: 0.5, p99_ms: 91, most_ms: 91 });
  t.like(summary.alone_unstarved, { n: 100, p50_ms: 0.5, p99_ms: 1, most_ms: 1 });
  const checks = elasticChecks(summary, []);
  const alone = checks.find(({ name }) => name === 'own_alone_p99');
  t.like(alone, { verdict: 'met', measured: 1 });
  t.regex(alone?.detail ?? '', /n = 100, p50 0.5; with waits for a CPU p99 91/);
  const text = renderElastic({ ...REPORT, summary, checks });
  t.regex(text, /Beside the real ones its thread ran 3000 ms and waited 9000 ms for a CPU/);
  t.regex(text, /an idle loop beside the real VMs: its lateness\s+1000\s+0\.5\S*\s+30/);
  const untold = RUN.alone.map((one) => ({ ...one, starved_ms: null }));
  const [unknown] = elasticChecks(summarizeElastic({ ...RUN, alone: untold }), []).filter(
    ({ name }) => name === 'own_alone_p99',
  );
  t.is(unknown?.verdict, 'not measured', 'where the kernel does not tell, nothing is known');
});

test("a thread's time is the kernel's word, and unknown of a process that is gone", (t) => {
  const before = readThreadTime('self');
  const end_ms = performance.now() + 20;
  while (performance.now() < end_ms);
  const after = readThreadTime('self');
  t.true((after?.ran_ms ?? 0) >= (before?.ran_ms ?? Infinity));
  t.true((after?.starved_ms ?? 0) >= (before?.starved_ms ?? Infinity));
  t.is(readThreadTime(2 ** 22 + 1), null);
});
