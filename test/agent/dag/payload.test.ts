/** What stages are called with: one answer as it is, several as JSON by their stages' names. */
import test from 'ava';
import { joinAnswers } from '../../../agent/dag/payload.ts';

const json = (text: string) => ({ bytes: Buffer.from(text), content_type: 'application/json' });
const joined = (answers: Record<string, ReturnType<typeof json> | null>) => {
  const found = joinAnswers(new Map(Object.entries(answers)));
  return 'stage' in found ? found : { ...found, bytes: Buffer.from(found.bytes).toString() };
};

test('of one stage the answer goes on as it is, whatever it is', (t) => {
  const image = { bytes: Buffer.from([255, 216]), content_type: 'image/jpeg' };
  t.is(joinAnswers(new Map([['a', image]])), image);
  t.deepEqual(joined({ a: null }), { bytes: '', content_type: '' });
});

test('of several: JSON as it was written, other text as a string, nothing as null', (t) => {
  const answers = { a: json('{"n": 1.50}'), b: json('plain "text"'), c: null, d: json('') };
  t.deepEqual(joined(answers), {
    bytes: '{"a":{"n": 1.50},"b":"plain \\"text\\"","c":null,"d":null}',
    content_type: 'application/json',
  });
});

test('of several, bytes that are no text are refused with the stage', (t) => {
  const image = { bytes: Buffer.from([255, 216]), content_type: 'image/jpeg' };
  t.deepEqual(joined({ a: json('1'), b: image }), { stage: 'b' });
});
