/** Memory interfaces from source: known answers, and what must be told where there is none. */
import test from 'ava';
import { isObject } from '../../../base/json.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';
import type { Extraction } from '../../../autoscaler/mux/extract.ts';
import { readInterface, sizesFor } from '../../../agent/expression/interface.ts';
import { manifestBlock } from '../../../autoscaler/mux/report.ts';
import type { CostModelName } from '../../../autoscaler/mux/models.ts';
import { parse } from 'yaml';

function extract(source: string, model: CostModelName | null = null, file = 'f.py'): Extraction {
  return extractSource(file, source, { model, entry: null });
}

const told = ({ cold: { consumed, freed, peak } }: Extraction): readonly string[] =>
  [consumed, freed, peak].map(({ text }) => text);

test('the published example comes out exactly under its own cost model', (t) => {
  const extraction = extract(
    `def matmul(n):
  A = np.random.rand(n, n)
  B = np.random.rand(n, n)
  start = time()
  C = np.matmul(A, B)
  latency = time() - start
  printf("Latency: %f" % latency)
  return C
`,
    'poster',
  );
  t.deepEqual(told(extraction), [
    '3 * n*n*sizeof(float) + 56',
    '2 * n*n*sizeof(float) + 56',
    '3 * n*n*sizeof(float) + 56',
  ]);
  t.is(extraction.certainty, 'exact');
});

/** As FunctionBench has it: the latency is returned, and so all matrices are dead. */
const MATMUL = `import numpy as np
from time import time

def matmul(n):
    A = np.random.rand(n, n)
    B = np.random.rand(n, n)

    start = time()
    C = np.matmul(A, B)
    latency = time() - start
    return latency

def lambda_handler(event, context):
    n = int(event['n'])
    result = matmul(n)
    print(result)
    return result
`;

test('a matmul that returns how long it took frees all three matrices', (t) => {
  const extraction = extract(MATMUL);
  // Three matrices with 128 bytes of header, an integer and two floats, one of which is returned.
  t.deepEqual(told(extraction), ['24 * n*n + 480', '24 * n*n + 448', '24 * n*n + 480']);
  t.is(extraction.certainty, 'exact');
  t.is(extract(MATMUL, 'poster').cold.freed.text, '3 * n*n*sizeof(float) + 56');
});

test('every term has its line and its source, and the terms are the sum', (t) => {
  const { terms, cold } = extract(MATMUL);
  const lines = MATMUL.split('\n');
  t.true(terms.length >= 6);
  for (const { line, source } of terms) {
    t.regex(lines[line - 1] ?? '', /=/);
    t.true(source.length > 10);
  }
  t.deepEqual(
    terms.map(({ line, bytes }) => `${line}: ${bytes.text}`),
    ['14: 32', '5: 8 * n*n + 128', '6: 8 * n*n + 128', '8: 32', '9: 8 * n*n + 128', '10: 32'],
  );
  t.is(cold.consumed.text, '24 * n*n + 480');
});

test('the block for a definition is read again, and sizes a call', (t) => {
  const block = manifestBlock(extract(MATMUL));
  const read: unknown = parse(block ?? '');
  const memory = isObject(read) ? read['memory'] : null;
  const sizes = sizesFor(readInterface(isObject(memory) ? memory['expression'] : null), { n: 100 });
  t.is(sizes.peak_bytes, 240_480);
});

test('what a first call caches, a warm one has already', (t) => {
  const { cold, warm } = extract(`import numpy as np
model = None
def handler(event):
  global model
  if model is None:
    model = np.zeros(1000000)
  a = np.zeros(event['n'])
  return 1
`);
  t.is(cold.peak.text, '8 * n + 8000224');
  t.is(cold.freed.text, '8 * n + 112');
  t.is(warm?.peak.text, '8 * n + 112');
});

test('a size that the payload does not have is asked of the platform', (t) => {
  const extraction = extract(`import boto3
s3 = boto3.client('s3')
def handler(event):
  body = s3.get_object(Bucket=event['bucket'], Key=event['object']['key'])['Body'].read()
  return len(body)
`);
  t.is(extraction.certainty, 'attribute');
  t.is(extraction.cold.peak.text, 'size(object.key) + 65');
  const attribute = extraction.symbols.map(({ name, meaning }) => [name, meaning.kind]);
  t.deepEqual(attribute, [['size(object.key)', 'attribute']]);
});

test('a library is taken at the word of its summary', (t) => {
  const extraction = extract(`import igraph
def handler(event):
  graph = igraph.Graph.Barabasi(event.get('size'), 10)
  return graph.bfs(0)
`);
  t.is(extraction.certainty, 'summary');
  t.regex(extraction.cold.peak.text, /614 \* size/);
});

test('JavaScript is read: a list of as many numbers as the payload says', (t) => {
  const source = `
exports.handler = async function (event) {
  var numbers = new Array(event.count);
  for (var i = 0; i < event.count; ++i) numbers[i] = i / 2;
  return { numbers };
};`;
  const extraction = extract(source, null, 'f.js');
  t.is(extraction.certainty, 'exact');
  t.is(extraction.cold.consumed.text, '8 * count + 112');
  t.deepEqual(
    extract(
      `export ${source.slice(1).replace('exports.handler = async', 'default')}`.replace(/;$/, ''),
      null,
      'f.mjs',
    ).cold.peak.text,
    extraction.cold.peak.text,
  );
});

test('TypeScript is JavaScript without its types', (t) => {
  const source = `export function handler(event: { size: number }): number {
  const kept: Buffer = Buffer.alloc(event.size * 1024);
  return kept.length;
}`;
  t.is(extract(source, null, 'f.ts').cold.peak.text, '1024 * size + 200');
});

const NOT_READ: readonly (readonly [file: string, source: string, code: string])[] = [
  ['f.py', '', 'HP_MUX_ENTRY'],
  ['f.py', 'x = 1', 'HP_MUX_ENTRY'],
  ['f.js', 'function (', 'HP_MUX_SOURCE'],
  ['f.rb', 'def f; end', 'HP_MUX_SOURCE'],
  ['f.ts', 'enum A { B }', 'HP_MUX_SOURCE'],
];
for (const [file, source, code] of NOT_READ) {
  test(`${file} with '${source}' is refused: ${code}`, (t) => {
    t.throws(() => extract(source, null, file), { code });
  });
}

test('a cost model of another language is refused', (t) => {
  t.throws(() => extract(MATMUL, 'node-24'), { code: 'HP_MUX_SOURCE' });
});
