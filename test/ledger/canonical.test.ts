/** The text of a record is JSON as ECMAScript writes it, whatever figures and texts it holds. */
import test from 'ava';
import fc from 'fast-check';
import { putRecord } from '../../ledger/canonical.ts';
import { JsonBytes } from '../../ledger/json-bytes.ts';
import type { PolicyAnswer, RecordDraft } from '../../ledger/record.ts';
import { holds } from '../seed.ts';

const figure = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(1_000),
  fc.constantFrom(0, -0, 9, 10, 99, 100, 2 ** 31 - 1, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e21, -1),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
/** Of clocks: since a boot, and since 1970. */
const time = fc.oneof(
  fc.double({ min: 0, max: 1e9, noNaN: true }),
  fc.double({ min: 1.7e12, max: 2.3e12, noNaN: true }),
  fc.nat().map((us) => us / 1_000),
  figure,
);
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.stringMatching(/^[\w ./:-]{0,80}$/),
  fc.constantFrom('"', '\\', '\u007f', '\u0000', '\ud800', 'ä', '€', '😀'),
);
const answer = fc.record(
  {
    question: text,
    answer: text,
    reason: text,
    vm_id: text,
    inputs: fc.dictionary(text, figure, { maxKeys: 3 }),
  },
  { requiredKeys: ['question', 'answer', 'inputs'] },
);
const draft = fc.record({
  at_ms: time,
  ended_at_ms: fc.option(time),
  function: text,
  code: fc.option(text),
  to_bytes: figure,
  cause_seq: fc.array(fc.maxSafeNat(), { maxLength: 3 }),
  answers: fc.array(answer, { maxLength: 3 }),
});

const stamp = (ms: number): number => Math.round(ms * 1_000) / 1_000;

function textOf(drafts: readonly { readonly seq: number; readonly draft: RecordDraft }[]): string {
  const out = new JsonBytes();
  for (const one of drafts) {
    putRecord(out, one.seq, [one.draft], { from: 0, to: 1, said: [] });
    out.latin('}\n');
  }
  return out.slice(0, out.used).toString();
}

test('a record is JSON as ECMAScript writes it', async (t) => {
  const property = fc.property(fc.array(fc.tuple(fc.maxSafeNat(), draft)), (given) => {
    const drafts = given.map(([seq, one]) => {
      const { at_ms, ended_at_ms, to_bytes, code, cause_seq } = one;
      const about = { at_ms, trust: 'vmm', function: one.function, cause_seq } as const;
      return { seq, draft: { kind: 'grown', ...about, to_bytes, code, ended_at_ms } as const };
    });
    const expected = given.map(([seq, one]) => {
      const { at_ms, ended_at_ms, to_bytes, code, cause_seq } = one;
      const head = { seq, at_ms: stamp(at_ms), kind: 'grown', trust: 'vmm' };
      const ended = { ended_at_ms: ended_at_ms === null ? null : stamp(ended_at_ms) };
      const record = { ...head, function: one.function, to_bytes, ...ended, code, cause_seq };
      return `${JSON.stringify(record)}\n`;
    });
    t.is(textOf(drafts), expected.join(''));
  });
  await holds(t, property, { runs: 500 });
});

test('what a policy answered is written with its inputs by name', async (t) => {
  const property = fc.property(draft, ({ at_ms, cause_seq, answers }) => {
    const line = textOf([
      { seq: 1, draft: { kind: 'policy', at_ms, trust: 'agent', answers, cause_seq } },
    ]);
    const read: { readonly answers: readonly PolicyAnswer[] } = JSON.parse(line);
    t.deepEqual(
      read.answers.map(({ question, reason, vm_id }) => [question, reason, vm_id]),
      answers.map(({ question, reason, vm_id }) => [question, reason, vm_id]),
    );
    for (const { inputs } of answers) {
      const names = Object.keys(inputs).toSorted();
      const parts = names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(inputs[name])}`);
      t.true(line.includes(`"inputs":{${parts.join(',')}}`));
    }
  });
  await holds(t, property, { runs: 500 });
});
