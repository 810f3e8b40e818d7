/** A tool of a build is run to its end, whatever becomes of its log. */
import test from 'ava';
import { run } from '../../images/run.ts';
import { errnoOf } from '../../base/system-error.ts';

test('a log on a full disk is told when the tool has ended, and is no crash', async (t) => {
  const lines: string[] = [];
  const command = ['/bin/sh', '-c', 'for i in 1 2 3; do echo $i; sleep 0.2; done'];
  const options = { cwd: '/', log_path: '/dev/full', onLine: (line: string) => lines.push(line) };
  const error = await t.throwsAsync(run(command, options));
  t.is(errnoOf(error), 'ENOSPC');
  t.deepEqual(lines, ['1', '2', '3']);
});
