/**
 * Goal: whoever sees only the end of the gate's output knows what failed, and how it began.
 * Method: stages made to fail in every way there is, and what is told of them.
 */
import test from 'ava';
import { runStage } from '../../tools/run-stage.ts';
import { type Failure, tellFailures } from '../../tools/told-failures.ts';
import type { Stage } from '../../tools/stages.ts';

const TAP = `TAP version 13
ok 1 - core › queue › is fair
not ok 2 - core › queue › keeps its order
#   what it logged
{"msg":"what another one wrote"}
  ---
    name: AssertionError
    assertion: deepEqual

    message: 'they differ'
    at: 'file://test/agent/core/queue.test.ts:12:5'
  ...
not ok 3 - waits # SKIP
not ok 4 - test/agent/core/end.test.ts exited due to SIGSEGV
not ok 5 - core › slow › never ends
  ---
    message: Exited because no new tests completed within the last 300000ms of inactivity
  ...
# comment of nobody`;

async function toldOf(kind: Stage['kind'], script: string, left_ms = 60_000): Promise<string> {
  const command = ['/bin/sh', '-c', script] as const;
  const { failures } = await runStage({ name: 'one', kind, command }, left_ms, () => undefined);
  return tellFailures(failures);
}

test('each failed test is told with its name and how its failure begins', async (t) => {
  const told = await toldOf('tap', `cat <<'END'\n${TAP}\nEND\nexit 1`);
  t.deepEqual(told.split('\n'), [
    '',
    '== what failed: 3',
    'not ok core › queue › keeps its order',
    '    name: AssertionError',
    '    assertion: deepEqual',
    "    message: 'they differ'",
    "    at: 'file://test/agent/core/queue.test.ts:12:5'",
    'not ok test/agent/core/end.test.ts exited due to SIGSEGV',
    'not ok core › slow › never ends',
    '    message: Exited because no new tests completed within the last 300000ms of inactivity',
    '',
  ]);
});

for (const [what, kind, script, says] of [
  ['lint', 'check', 'seq 1 20; echo bad >&2; exit 3', /one: \/bin\/sh ended with 3\n +1\n.* 20\n/s],
  ['a signal', 'check', 'kill -9 $$', /one: \/bin\/sh ended with SIGKILL\n/],
  ['coverage', 'tap', 'echo "ok 1"; echo 77 % >&2; exit 1', /ended with 1\n +77 %\n/],
  ['tests that end early', 'tap', 'echo "ok 1"; kill -9 $$', /ended with SIGKILL\n/],
  ['no test at all', 'tap', 'exit 0', /one: \/bin\/sh ended with 0\n/],
  ['a late stage', 'check', 'echo begun; exec sleep 600', /one: ended after 1 s\n +begun\n/],
  ['a late one of tests', 'tap', 'echo "not ok 1 - a"; exec sleep 600', /not ok a\n.*after 1 s/s],
] as const) {
  test(`a stage that failed is told: ${what}`, async (t) => {
    t.regex(await toldOf(kind, script, what.includes('late') ? 1_000 : 60_000), says);
  });
}

test('what is told is bounded, whatever failed', (t) => {
  const lines = Array.from({ length: 50 }, (_, index) => `\u001b[31m${index} ${'x'.repeat(500)}`);
  const failures = Array.from({ length: 500 }, (_, index): Failure => {
    return { name: `test ${index} ${'y'.repeat(500)}`, lines };
  });
  const told = tellFailures(failures).split('\n');
  t.is(told.length, 3 + 40 * 3 + 1);
  t.true(told.every((line) => line.length <= 170));
  t.is(told.at(-2), 'and 460 more, above');
  t.is(tellFailures([]), '');
});
