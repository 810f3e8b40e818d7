/** What is wrong in a YAML file is told with its place, and a misspelt key with the one meant. */
import test from 'ava';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { z } from 'zod';
import { isHotplaneError } from '../../base/errors.ts';
import { checkYaml, readYaml, YamlText } from '../../base/yaml.ts';
import { holds } from '../seed.ts';

const SCHEMA = z.strictObject({
  name: z.string({ error: 'must be a text' }).optional(),
  memory: z.strictObject({ limit: z.number({ error: 'must be a number' }) }).optional(),
  parts: z.array(z.strictObject({ size: z.int({ error: 'must be whole' }) })).optional(),
  labels: z.record(z.string(), z.string({ error: 'must be a text' })).optional(),
});

const check = (text: string): unknown => checkYaml(new YamlText(text, 'f.yaml'), SCHEMA);

function toldOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (isHotplaneError(error) && error.code === 'HP_YAML') return error.message;
    throw error;
  }
  return '';
}

for (const [what, text, told] of [
  [
    'a value of the wrong kind',
    'name: x\nmemory:\n  limit: much\n',
    /^f\.yaml:3:10: memory\.limit: must be a number\.$/,
  ],
  [
    'a value in a list',
    'parts:\n  - size: 1\n  - size: 1.5\n',
    /^f\.yaml:3:11: parts\.1\.size: must be whole\.$/,
  ],
  [
    'a value of a free key',
    'labels:\n  a: b\n  c: [1]\n',
    /^f\.yaml:3:6: labels\.c: must be a text\.$/,
  ],
  [
    'a misspelt key',
    'nmae: x\n',
    /^f\.yaml:1:1: nmae: there is no such key; did you mean 'name'\?$/,
  ],
  [
    'a misspelt key inside',
    'memory:\n    limti: 1\n    limit: 2\n',
    /^f\.yaml:2:5: memory\.limti: .*did you mean 'limit'/,
  ],
  [
    'a misspelt key in a list',
    'parts:\n- {size: 1, sze: 2}\n',
    /^f\.yaml:2:13: parts\.0\.sze: .*'size'/,
  ],
  [
    'a key like no other',
    'zzzzzzzz: 1\n',
    /^f\.yaml:1:1: zzzzzzzz: .* there are name, memory, parts, labels\.$/,
  ],
  [
    'several problems, the first place first',
    'memory: {}\nnmae: 1\n',
    /^f\.yaml:1:9: memory\.limit: must be a number \(and 1 more\)\.$/,
  ],
  ['a key twice', 'name: a\nname: b\n', /^f\.yaml:2:1: Map keys must be unique\.$/],
  ['no YAML', 'name: [a\n', /^f\.yaml:2:1: .*\]/],
  ['tabs', 'memory:\n\tlimit: 1\n', /^f\.yaml:2:1: .*[Tt]ab/],
  ['a second document', 'name: a\n---\nname: b\n', /^f\.yaml:2:1: .*multiple documents/],
  ['a document that is no mapping', '- a\n', /^f\.yaml:1:1: /],
  ['an alias of nobody', 'name: *a\n', /^f\.yaml:1:1: Unresolved alias.*: a\.$/],
  ['a tag nobody knows', 'name: !odd x\n', /^f\.yaml:1:7: Unresolved tag/],
] as const) {
  test(`told with its place: ${what}`, (t) => {
    t.regex(
      toldOf(() => check(text)),
      told,
    );
  });
}

test('an empty file is one without keys', (t) => {
  for (const text of ['', '# nothing\n', '---\n', 'null\n']) t.deepEqual(check(text), {});
});

test('a text that unfolds to much more than it is is refused', (t) => {
  const rows = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (const [index, name] of 'b c d e f g h'.split(' ').entries()) {
    const before = 'abcdefgh'[index] ?? '';
    rows.push(`${name}: &${name} [${Array<string>(10).fill(`*${before}`).join(', ')}]`);
  }
  t.regex(
    toldOf(() => check(rows.join('\n'))),
    /Excessive alias count/,
  );
});

test('a file larger than anybody writes is not read', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-yaml-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, 'large.yaml');
  await writeFile(path, 'name: a\n');
  t.deepEqual(checkYaml(await readYaml(path), SCHEMA), { name: 'a' });
  await truncate(path, 10 ** 9);
  await t.throwsAsync(readYaml(path), { code: 'HP_YAML', message: /at most \d+ are read/ });
});

test('a key that is not known is found wherever it stands', async (t) => {
  const line = fc.constantFrom('name: x', 'memory: {limit: 1}', 'labels: {a: b}', '# a word', '');
  const property = fc.property(fc.uniqueArray(line), fc.nat(5), (lines, at) => {
    const before = lines.slice(0, at);
    const text = [...before, 'unknwon: 1', ...lines.slice(at)].join('\n');
    return toldOf(() => check(text)).startsWith(`f.yaml:${before.length + 1}:1: unknwon: `);
  });
  await holds(t, property);
});

test('whatever text is read: a value, or one error of ours', async (t) => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.jsonValue().map((one) => stringify(one)),
  );
  await holds(
    t,
    fc.property(text, (one) => typeof toldOf(() => check(one)) === 'string'),
  );
});
