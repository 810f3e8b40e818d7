/** What an answer needs and does not have is named, and giving that makes the answer exact. */
import test from 'ava';
import { type Attribute, attributeOf } from '../../../agent/expression/attributes.ts';
import type { Extraction } from '../../../autoscaler/mux/extract.ts';
import { manifestBlock } from '../../../autoscaler/mux/report.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';

const IMPORTS = 'import numpy as np, os, boto3, io, subprocess\nfrom PIL import Image\n';
const STORE = "s3 = boto3.client('s3')\n";
const handler = (...lines: string[]): string =>
  `${IMPORTS}${STORE}def handler(event):\n${lines.map((line) => `  ${line}`).join('\n')}\n`;

function extract(source: string, given: Record<string, number | string | object> = {}): Extraction {
  const attributes = new Map<string, Attribute>();
  for (const [name, one] of Object.entries(given)) attributes.set(name, attributeOf(name, one));
  return extractSource('f.py', source, { model: null, entry: null, attributes });
}

interface Case {
  readonly what: string;
  readonly source: string;
  /** What it needs, and an answer. */
  readonly needs: Readonly<Record<string, number>>;
  readonly peak: string;
  readonly with_it: string;
}

const CASES: readonly Case[] = [
  {
    what: 'an object of a store',
    source: handler(
      'b = s3.get_object(Bucket=event["bucket"], Key=event["key"])["Body"].read()',
      'return 1',
    ),
    needs: { 'size(key)': 1000 },
    peak: 'size(key) + 33',
    with_it: '1033',
  },
  {
    what: 'an array in a file: its items and what one has',
    source: handler('a = np.load(event["path"])', 'b = a * 2', 'return 1'),
    needs: { 'items(path)': 500, 'itemsize(path)': 8 },
    peak: '2 * items(path)*itemsize(path) + 224',
    with_it: '8224',
  },
  {
    what: 'the type of the items of an array',
    source: handler('a = np.zeros(event["n"], dtype=event["type"])', 'return 1'),
    needs: { 'itemsize(type)': 4 },
    peak: 'itemsize(type)*n + 112',
    with_it: '4 * n + 112',
  },
  {
    what: 'the size of an image',
    source: handler('i = Image.open(event["path"])', 'g = i.rotate(90)', 'return 1'),
    needs: { 'pixels(path)': 100 },
    peak: '8 * pixels(path)',
    with_it: '800',
  },
  {
    what: 'a child process',
    source: handler('p = subprocess.Popen(["sort"])', 'p.communicate()', 'return 1'),
    needs: { 'process(line_5)': 1_000_000 },
    peak: 'process(line_5) + 1280',
    with_it: '1001280',
  },
  {
    what: 'the names of a folder',
    source: handler('a = os.listdir(event["path"])', 'return 1'),
    needs: { 'names(path)': 10 },
    peak: '66 * names(path) + 120',
    with_it: '780',
  },
];

for (const { what, source, needs, peak, with_it } of CASES) {
  test(`${what} is asked for by name, and given it the answer is exact`, (t) => {
    const without = extract(source);
    t.is(without.certainty, 'attribute');
    t.is(without.cold.peak.text, peak);
    const asked = without.symbols.filter(({ meaning }) => meaning.kind === 'attribute');
    t.deepEqual(asked.map(({ name }) => name).toSorted(), Object.keys(needs).toSorted());
    for (const name of Object.keys(needs)) {
      t.true(without.remarks.some((one) => one.line > 0 && one.what.startsWith(`${name}: `)));
    }
    const answered = extract(source, needs);
    t.is(answered.certainty, 'exact', answered.remarks.map((one) => one.what).join('; '));
    t.is(answered.cold.peak.text, with_it);
    t.true(answered.remarks.some((one) => one.what.endsWith('as it was given')));
  });
}

const READ = CASES[0]?.source ?? '';

test('a bound and a place in the payload stand in the block as they were given', (t) => {
  const bounded = extract(READ, { 'size(key)': { max: 5000 } });
  t.is(bounded.certainty, 'exact');
  t.regex(manifestBlock(bounded) ?? '', /"size\(key\)": \{ max: 5000 \}/);
  const sent = extract(READ, { 'size(key)': '/bytes' });
  t.is(sent.certainty, 'exact');
  t.regex(manifestBlock(sent) ?? '', /parameters:\n {6}"size\(key\)": "\/bytes"/);
});

test('what nothing depends on is told', (t) => {
  const { remarks } = extract(READ, { 'size(other)': 1 });
  t.true(remarks.some(({ what }) => what === 'size(other) was given, and nothing depends on it'));
});
