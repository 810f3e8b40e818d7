/**
 * Goal: of a program that ends, what it answered is heard, and its end where it did not.
 * Method: that of runtime.test.ts.
 */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KIB, MIB } from '../../../base/units.ts';
import { type Answered, PROGRAMS, started, type Supervised } from './supervised.ts';

/** Whether one is seen before the other differs from try to try. */
const TRIES = 5;
const LEAVING = join(PROGRAMS, 'leaving.py');
const ENDED = { status: 3, signal: null };

/** What it answers to one call; null where the program cannot be built on this host. */
async function called(
  t: ExecutionContext,
  kind: 'http' | 'lambda',
  path: string,
): Promise<{ readonly program: Supervised; readonly answer: Answered | null } | null> {
  const options = { interface: kind, command: ['python3', LEAVING] };
  const program = await started(t, options);
  if (!program) return null;
  const http = { method: 'GET', path, fields: 'Host: leaving\r\n' };
  const answer = await program
    .invoke(Buffer.from(path), '', kind === 'http' ? http : undefined)
    .catch(() => null);
  await program.until(() => program.exit !== null);
  return { program, answer };
}

for (const kind of ['http', 'lambda'] as const) {
  test.serial(`an answer behind which its program ends is passed on: ${kind}`, async (t) => {
    for (let count = 0; count < TRIES; count += 1) {
      const found = await called(t, kind, '/answer');
      if (!found) return;
      const { program, answer } = found;
      t.deepEqual([answer?.ok, answer?.bytes.length], [true, 6 * MIB], answer?.message);
      t.deepEqual(program.exit, ENDED);
    }
  });

  test.serial(`a program that ends without an answer is told to have ended: ${kind}`, async (t) => {
    for (let count = 0; count < TRIES; count += 1) {
      const found = await called(t, kind, '/without');
      if (!found) return;
      const { program, answer } = found;
      t.deepEqual([answer?.message, program.exit], [undefined, ENDED]);
    }
  });
}

test.serial(
  'what a program writes right before its end is passed on to the last of it',
  async (t) => {
    const found = await called(t, 'http', '/words');
    if (!found) return;
    const { program } = found;
    await program.until(() => program.ended);
    t.is(program.output.stderr.length, 64 * KIB);
  },
);

test.serial('a call that a program ends without having asked for is told as such', async (t) => {
  const program = await started(t, { interface: 'lambda', command: ['python3', LEAVING] });
  if (!program) return;
  t.true((await program.invoke(Buffer.from('linger'))).ok);
  t.like(await program.invoke(Buffer.from('{}')), { ok: false, code: 'not-taken' });
});
