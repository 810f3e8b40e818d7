/**
 * Goal: a check boots and tests what it built. Method: the tree that the project's own kernels are
 * made of, so that both are found in the cache.
 */
import test from 'ava';
import { runCheckCommand } from '../../bench/kernel/command.ts';
import type { CheckResult } from '../../bench/kernel/records.ts';

const CASES = ['attach_empty', 'memory', 'kill', 'unplug_one_request'];

test('the base of the series boots untouched and patched, and its selftests pass', async (t) => {
  t.timeout(600_000);
  let out = '';
  const code = await runCheckCommand({
    tree: '/usr/src/linux-source-6.12.tar.xz',
    series: null,
    config_path: null,
    arch: 'x86-64',
    cases: CASES.join(','),
    jobs: null,
    bound_percent: null,
    junit_path: null,
    json: true,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => t.log(text.trim()) },
    signal: AbortSignal.timeout(600_000),
  });
  const result: CheckResult = JSON.parse(out);
  t.is(code, 0, out);
  const selftests = result.steps.find(({ name }) => name === 'selftests');
  t.deepEqual(
    selftests?.cases.map(({ name, outcome }) => [name, outcome]),
    CASES.map((name) => [name, 'pass']),
  );
});
