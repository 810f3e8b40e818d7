/** What a text holds, and how a document is written. */
import test from 'ava';
import fc from 'fast-check';
import { isObject, jsonDocument, parseJson } from '../../base/json.ts';
import { holds } from '../seed.ts';

test('whatever is written is read again', async (t) => {
  const value = fc.dictionary(fc.string(), fc.jsonValue());
  await holds(t, fc.property(value, isReadAgain));
});

function isReadAgain(given: object): boolean {
  const text = jsonDocument(given);
  return text.endsWith('}\n') && JSON.stringify(parseJson(text)) === JSON.stringify(given);
}

for (const text of ['', '{', 'undefined', '{"a":1}x', '\u0000']) {
  test(`no JSON is undefined: ${JSON.stringify(text)}`, (t) => {
    t.is(parseJson(text), undefined);
  });
}

test('null is a value, and no object', (t) => {
  t.is(parseJson('null'), null);
  for (const value of [null, undefined, [], 'text', 1, true]) t.false(isObject(value));
  t.true(isObject({}));
});
