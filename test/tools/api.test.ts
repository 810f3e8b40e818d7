/** The proto and the code that encodes its messages are what their schemas say, as committed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { z } from 'zod';
import { field, message } from '../../agent/model/fields.ts';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { generated } from '../../tools/api/generate.ts';
import { wireMessages } from '../../tools/api/model.ts';

test('npm run generate changes nothing', async (t) => {
  for (const [path, text] of await generated()) {
    const committed = await readFile(join(PROJECT_ROOT, path), 'utf8');
    t.true(committed === text, `${path} is not what its schemas say: npm run generate`);
  }
});

const WRONG = [
  ['a field without a number', { a: z.string() }, /M\.a has a number/],
  ['a number twice', { a: field(1, z.string()), b: field(1, z.string()) }, /one number/],
  [
    'a word in two choices of one message',
    { a: field(1, z.enum(['x', 'y'])), b: field(2, z.enum(['z', 'x'])) },
    /one value/,
  ],
  ['a type that no wire has', { a: field(1, z.date()) }, /type of every field/],
] as const;

for (const [what, shape, expected] of WRONG) {
  test(`${what} is an error before anything is written`, (t) => {
    t.throws(() => wireMessages([message('M', shape)]), { message: expected });
  });
}
