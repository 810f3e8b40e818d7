/**
 * Goal: no line from the host can make the guest's init read or write where it must not.
 * Method: the C reader runs on the host under address and undefined-behaviour sanitizers;
 * `JSON.parse` says what is JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { holds } from '../seed.ts';

const dir = mkdtempSync(join(tmpdir(), 'hotplane-json-'));
const probe = join(dir, 'json_probe');
const common = join(PROJECT_ROOT, 'guest/common');

test.before(() => {
  const flags =
    '-std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined';
  const reader = ['json.c', 'json_access.c', 'text.c'].map((name) => join(common, name));
  const source = join(PROJECT_ROOT, 'test/guest/c/json_probe.c');
  const options = [...flags.split(' '), '-fno-sanitize-recover=all', '-o', probe];
  execFileSync('gcc', [...options, source, ...reader, '-lm']);
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

/** Answers of the reader; throws when a sanitizer stopped it. */
function ask(inputs: readonly (string | Uint8Array)[]): readonly string[] {
  const records = inputs.map((input) => {
    const bytes = Buffer.from(input);
    return Buffer.concat([Buffer.from(`${bytes.byteLength}\n`), bytes]);
  });
  const output = execFileSync(probe, { input: Buffer.concat(records), maxBuffer: 1 << 26 });
  return output.toString().split('\n').slice(0, -1);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test('hostile texts are refused with a reason', (t) => {
  const short =
    '  { } [ ] " "\\ "\\u "\\u12 "\\x" {"a" {"a": {"a":1 {"a":1,} [1,] [,1] {,} {1:2} ' +
    "{'a':1} nul truefalse NaN Infinity 01 - 1. .5 1e 1e+ +1 0x10 {}{}";
  const hostile = [
    ...short.split(' '),
    '1 2',
    '[1 2]',
    '{"a" 1}',
    '"a\nb"',
    '"\u0000"',
    '\u0000',
    '[1]\u0000',
    '\ufeff{}',
    '['.repeat(100_000),
    '{"a":'.repeat(20_000),
    `[${'1,'.repeat(5000)}1]`,
    `[${'['.repeat(16)}${']'.repeat(16)}]`,
  ];
  for (const [index, answer] of ask(hostile).entries()) {
    t.true(
      answer.startsWith('refused '),
      `${JSON.stringify(hostile[index]?.slice(0, 40))}: ${answer}`,
    );
  }
});

test('bytes that are no UTF-8 come out as valid UTF-8 or not at all', (t) => {
  const inputs = [
    [0x22, 0xff, 0x22],
    [0x22, 0xc3, 0x22],
    [0x22, 0xf0, 0x9f, 0x22],
    [0x22, 0xc0, 0x80, 0x22],
  ];
  for (const answer of ask(inputs.map((bytes) => Uint8Array.from(bytes)))) {
    t.false(answer.includes('\ufffd'), answer);
  }
});

test('only integers from 0 to 2^53 - 1 are taken for sizes and ids', (t) => {
  const asked = ['9007199254740991', '9007199254740992', '-1', '1.5', '1e400', '0'];
  const [largest, too_large, negative, fraction, infinite, zero] = ask(asked);
  t.is(largest, 'ok 9007199254740991');
  t.is(too_large, 'ok type 2 size 0');
  t.is(negative, 'ok type 2 size 0');
  t.is(fraction, 'ok 1.5');
  t.is(infinite, 'ok type 2 size 0');
  t.is(zero, 'ok 0');
});

test('strings survive decoding and encoding', async (t) => {
  await holds(
    t,
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 50 }),
      (strings) => {
        const plain = strings.map((string) => string.replaceAll(/[\0\ud800-\udfff]/gu, '-'));
        const escaped = plain.map((string) =>
          JSON.stringify(string).replaceAll(/[\u0080-\uffff]/g, (c) => `\\u${hex4(c)}`),
        );
        for (const form of [plain.map((string) => JSON.stringify(string)), escaped]) {
          const answers = ask(form);
          t.deepEqual(
            answers.map((answer) => JSON.parse(answer.slice(3))),
            plain,
          );
        }
      },
    ),
    { runs: 15 },
  );
});

function hex4(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(4, '0');
}

test('mutated requests are accepted exactly when they are JSON', async (t) => {
  const seed =
    '{"id":17,"type":"start","instance":"a\\u00e9","argv":["x",1.5e3,true,null],"env":{"A":"b"}}';
  const edit = fc.tuple(
    fc.nat(seed.length),
    fc.nat(3),
    fc.constantFrom(...'{}[]",:\\u0e-+.1tfn \t'.split('')),
  );
  await holds(
    t,
    fc.property(
      fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { minLength: 200, maxLength: 400 }),
      (batch) => {
        const texts = batch.map((edits) =>
          edits.reduce(
            (text, [at, cut, add]) => text.slice(0, at) + add + text.slice(at + cut),
            seed,
          ),
        );
        const answers = ask(texts);
        for (const [index, text] of texts.entries()) {
          t.is(
            answers[index]?.startsWith('ok') ?? false,
            isJson(text),
            `${text}: ${answers[index]}`,
          );
        }
      },
    ),
    { runs: 15 },
  );
});
