/**
 * Goal: the guest's programs and the agent mean the same bytes by what is attached to a line.
 * Method: the C side runs on the host under sanitizers; the TypeScript side is what it is held to.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { cutLine, joinLine } from '../../guest/protocol/attached-bytes.ts';
import { holds } from '../seed.ts';

const dir = mkdtempSync(join(tmpdir(), 'hotplane-attached-'));
const probe = join(dir, 'attached_probe');

test.before(() => {
  const flags =
    '-std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined';
  const sources = ['test/guest/c/attached_probe.c', 'guest/common/attached.c'];
  const paths = sources.map((source) => join(PROJECT_ROOT, source));
  execFileSync('gcc', [...flags.split(' '), '-fno-sanitize-recover=all', '-o', probe, ...paths]);
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

/** Every input turned by the C side; null: refused. */
function turn(how: 'e' | 'u', inputs: readonly Uint8Array[]): readonly (Buffer | null)[] {
  const records = inputs.map((bytes) =>
    Buffer.concat([Buffer.from(`${how}${bytes.length}\n`), bytes]),
  );
  const output = execFileSync(probe, { input: Buffer.concat(records), maxBuffer: 1 << 26 });
  let at = 0;
  return inputs.map(() => {
    const end = output.indexOf('\n', at);
    const length = output.toString('latin1', at, end);
    at = end + 1 + (length === '-' ? 0 : Number(length));
    return length === '-' ? null : output.subarray(end + 1, at);
  });
}

const inputs = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.constantFrom(0x0a, 0x0d, 0x1b, 0x4a, 0), { maxLength: 300 }),
  ),
  { minLength: 1, maxLength: 50 },
);

test('both sides attach the same bytes in the same way, and take them off again', async (t) => {
  const property = fc.property(inputs, (all) => {
    const plain = all.map((bytes) => Buffer.from(bytes));
    const escaped = plain.map((bytes) => joinLine('', bytes).subarray(1, -1));
    const made = turn('e', plain);
    const read = turn('u', escaped);
    return plain.every((bytes, index) => {
      const are_same = escaped[index]?.equals(made[index] ?? Buffer.of(0));
      return are_same && bytes.equals(read[index] ?? Buffer.of(0));
    });
  });
  await holds(t, property, { runs: 30 });
});

test('what ends inside an escape is refused by both', (t) => {
  const cut = Buffer.from([0x41, 0x1b]);
  t.deepEqual(turn('u', [cut]), [null]);
  t.is(cutLine(Buffer.concat([Buffer.from('{}\u001f'), cut])), null);
});
