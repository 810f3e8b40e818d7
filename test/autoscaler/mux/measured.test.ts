/**
 * Summaries of library calls against the libraries themselves: handlers are read by the extractor
 * and run by CPython, which counts what they hold. Skipped, with why, where python3 is not the
 * version that the summaries are of, or has no NumPy 1.24.
 */
import test from 'ava';
import { sizesFor } from '../../../agent/expression/interface.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';
import { PYTHON_SUMMARIES } from '../../../autoscaler/mux/summaries-python.ts';
import type { CallResult } from '../../../autoscaler/mux/summaries.ts';
import { interfaceOf, PAYLOAD, runAll } from './run-python.ts';

/** What a call leaves behind beside its values: frames, names, objects that import made. */
const LEFT_BYTES = 4 * 1024;

interface Case {
  /** The summary it is about. */
  readonly name: string;
  readonly lines: readonly string[];
  /** Share of the peak by which more may be said: room for growth, parts that are shared. */
  readonly above: number;
  /** By the resident peak of the process: what a library takes by itself is not traced. */
  readonly counts: 'traced' | 'resident';
}

const calls = (name: string, call: string, ...before: readonly string[]): Case => ({
  name,
  lines: [...before, `x = ${call}`, 'return 1'],
  above: 0.005,
  counts: 'traced',
});
const atMost = (above: number, one: Case): Case => ({ ...one, above });
const each = (prefix: string, words: string, caseOf: (word: string) => Case): Case[] =>
  words.split(' ').map((word) => ({ ...caseOf(word), name: `${prefix}${word}` }));
const resident = (one: Case): Case => ({ ...one, counts: 'resident', above: 0.1 });

const MATRICES = ['a = np.zeros((300, 400))', 'b = np.zeros((400, 500))'];
const BYTES = 'b = bytes(n)';
const TEMPLATE = 't = string.Template("$a $b ${a} words")';
const LARGE = 'b = os.urandom(8000000)';
const FILE = `f = open("/dev/zero", "rb")`;
const BUFFER = 'f = io.BytesIO(b)';

const NUMPY: readonly Case[] = [
  ...each('numpy.random.', 'rand randn random_sample random', (word) =>
    calls('', `np.random.${word}(n)`),
  ),
  ...each('numpy.', 'zeros ones empty arange', (word) => calls('', `np.${word}(n)`)),
  calls('numpy.full', 'np.full(n, 1.5)'),
  ...each('numpy.', 'matmul dot', (word) => calls('', `np.${word}(a, b)`, ...MATRICES)),
  calls('numpy.ndarray.dot', 'a.dot(b)', ...MATRICES),
  ...each('numpy.', 'matrix array copy sqrt exp sin cos zeros_like ones_like', (word) =>
    calls('', `np.${word}(a)`, 'a = np.zeros((n, 2))'),
  ),
  ...each('numpy.', 'add multiply subtract maximum minimum', (word) =>
    calls('', `np.${word}(a, a)`, 'a = np.zeros(n)'),
  ),
  ...each('numpy.ndarray.', 'argmax argmin', (word) =>
    calls('', `a.${word}(axis=1)`, 'a = np.zeros((n, 2))'),
  ),
  calls('a product', 'a @ b', ...MATRICES),
  calls('a scaled byte', 'a * 0.5', 'a = np.zeros(n, dtype="uint8")'),
  atMost(0.3, calls('numpy.array', 'np.array(a)', 'a = [[0.5] * 7 for _ in range(n // 7)]')),
  calls('numpy.ndarray.copy', 'a.copy()', 'a = np.zeros(n)'),
  calls('numpy.asarray', 'np.asarray(a)', 'a = np.zeros(n)'),
  ...each('numpy.ndarray.', 'ravel transpose', (word) =>
    calls('', `a.${word}()`, 'a = np.zeros((n, 2))'),
  ),
  calls('numpy.ndarray.T', 'a.T', 'a = np.zeros((n, 2))'),
  calls('numpy.transpose', 'np.transpose(a)', 'a = np.zeros((n, 2))'),
  calls('numpy.ndarray.reshape', 'a.reshape((n, 2))', 'a = np.zeros(n * 2)'),
  calls('numpy.ndarray.sum', 'a.sum(axis=0)', 'a = np.zeros((2, n))'),
  calls('numpy.sum', 'np.sum(a, axis=0)', 'a = np.zeros((2, n))'),
  resident(
    calls(
      'numpy.linalg.solve',
      'np.linalg.solve(a, b)',
      'a = np.random.rand(2000, 2000)',
      'b = np.random.rand(2000, 1)',
    ),
  ),
  resident(calls('numpy.linalg.inv', 'np.linalg.inv(a)', 'a = np.random.rand(2000, 2000)')),
];

const STANDARD: readonly Case[] = [
  calls('os.urandom', 'os.urandom(n)'),
  calls('random.randbytes', 'random.randbytes(n)'),
  ...each('', 'bytes bytearray', (word) => calls('', `${word}(n)`)),
  calls('str.encode', 's.encode()', 's = event["text"]'),
  ...each('bytes.', 'decode hex', (word) => calls('', `b.${word}()`, BYTES)),
  ...each('str.', 'lower upper title', (word) => calls('', `s.${word}()`, 's = event["text"]')),
  ...each('str.', 'strip lstrip rstrip', (word) =>
    atMost(1, calls('', `s.${word}()`, 's = event["text"] + " "')),
  ),
  calls('str.replace', 's.replace("x", "y")', 's = event["text"]'),
  calls('bytes.strip', 'b.strip()', 'b = bytes(n) + b" "'),
  atMost(Infinity, calls('str', 'str(event["text"])')),
  calls('repr', 'repr(event["text"])'),
  calls('str.format', '"{}{}".format(event["text"], event["text"])'),
  calls('str.join', '"".join([event["text"], event["text"]])'),
  atMost(0.2, calls('str.join', '"".join("x" for _ in range(n))')),
  atMost(0.2, calls('str.join', '"".join(str(i) + "x" * 100 for i in range(n))')),
  atMost(0.2, calls('bytes.join', 'b"".join(bytes(9) for _ in range(n))')),
  atMost(0.3, calls('bytes', 'bytes(7 for _ in range(n))')),
  atMost(0.15, calls('bytearray', 'bytearray(7 for _ in range(n))')),
  atMost(1, calls('bytes', 'bytes(b)', 'b = bytes(n)')),
  calls('str.replace', 's.replace("x", "yyyy")', 's = event["text"]'),
  atMost(1, calls('str.replace', 's.replace("", "ab")', 's = event["text"]')),
  atMost(1, calls('html.escape', "html.escape('\"' * n)")),
  atMost(0.2, calls('template.substitute', 't.substitute(a=event["text"], b=7)', TEMPLATE)),
  atMost(
    0.2,
    calls('template.safe_substitute', 't.safe_substitute(a=event["text"], b=7)', TEMPLATE),
  ),
  atMost(7, calls('zlib.compress', 'zlib.compress(b)', 'b = os.urandom(n)')),
  atMost(
    0.2,
    resident(
      calls('zlib.decompress', 'zlib.decompress(p)', LARGE, 'p = zlib.compress(b)', 'b = 1'),
    ),
  ),
  calls('os.path.join', 'os.path.join(event["text"], event["text"])'),
  ...each('os.path.', 'basename dirname', (word) =>
    atMost(Infinity, calls('', `os.path.${word}(event["text"])`)),
  ),
  atMost(0.25, calls('os.path.abspath', 'os.path.abspath(event["text"])')),
  atMost(1, calls('os.path.realpath', 'os.path.realpath("a/" * 300)')),
  ...each('str.', 'split splitlines', (word) =>
    atMost(Infinity, calls('', `s.${word}()`, 's = "a\\n" * n')),
  ),
  atMost(Infinity, calls('bytes.split', 's.split()', 's = b"a " * n')),
  ...each('', 'list tuple', (word) => atMost(0.05, calls('', `${word}(range(n))`))),
  ...['x', 'a longer text '].map((text) =>
    atMost(0.4, calls('list', `list("${text}%d" % i for i in range(n))`)),
  ),
  atMost(0.15, calls('list', 'list(zip(range(n), range(n)))')),
  atMost(0.15, calls('list', 'list(enumerate(range(n)))')),
  atMost(0.15, calls('list', 'list(zip(*a))', 'a = [[0.5] * (n // 10) for _ in range(10)]')),
  atMost(0.3, calls('list', 'list(a)', 'a = [i + 0.5 for i in range(n)]', 'a = list(a)')),
  atMost(0.15, calls('collections.deque', 'collections.deque(range(n))')),
  atMost(0.15, calls('collections.deque', '[collections.deque() for _ in range(n // 10)]')),
  atMost(0.3, calls('sorted', 'sorted(range(n), key=lambda one: one / 7)')),
  atMost(0.3, calls('list.sort', 'a.sort(key=lambda one: one / 7)', 'a = list(range(n))')),
  atMost(0.15, calls('sum', '[sum((i, 500)) for i in range(n)]')),
  atMost(1, calls('sorted', 'sorted(a)', 'a = list(range(n))')),
  atMost(1, calls('random.sample', 'random.sample(range(n * 10), n)')),
  ...each('', 'set frozenset', (word) => atMost(1.5, calls('', `${word}(range(n))`))),
  ...each('', 'enumerate reversed iter', (word) => calls('', `${word}(range(n))`)),
  calls('zip', 'zip(range(n), range(n))'),
  atMost(2, calls('json.dumps', 'json.dumps(d)', 'd = {"t": event["text"]}')),
  ...each('io.', 'BytesIO', (word) => calls('', `io.${word}(b)`, BYTES)),
  ...each('buffer.', 'read getvalue', (word) => calls('', `f.${word}()`, BYTES, BUFFER)),
  calls('open', 'open("/dev/zero", "rb")'),
  calls('file.read', 'f.read(n)', FILE),
];

/** What no name has, and takes memory all the same. */
const GROWN: readonly Case[] = [
  {
    name: 'a dictionary',
    lines: ['d = {}', 'for i in range(n):', '  d[i] = i', 'return 1'],
    above: 1.5,
    counts: 'traced',
  },
  ...['s += "x"', 's = s + "x"', 's = s + "x" + "y"'].map((line) => ({
    name: `a text that grows: ${line}`,
    lines: ['s = ""', 'for i in range(n):', `  ${line}`, 'return 1'],
    above: 0.2,
    counts: 'traced' as const,
  })),
  {
    name: 'bytes that grow',
    lines: ['s = b""', 'for i in range(n // 10):', '  s += b"0123456789"', 'return 1'],
    above: 0.005,
    counts: 'traced',
  },
  {
    name: 'a list that is made again while the one before is there',
    lines: ['for k in range(4):', '  d = [i + 0.5 for i in range(n)]', 'return 1'],
    above: 0.4,
    counts: 'traced',
  },
  {
    name: 'a list that is filled again while the one before is there',
    lines: [
      'a = []',
      'for k in range(4):',
      '  d = []',
      '  for i in range(n):',
      '    d.append(i)',
      '  a = d',
      'return 1',
    ],
    above: 0.15,
    counts: 'traced',
  },
  {
    name: 'a dictionary that is filled again while the one before is there',
    lines: [
      'a = {}',
      'for k in range(3):',
      '  d = {}',
      '  for i in range(n):',
      '    d[i] = i',
      '  a = d',
      'return 1',
    ],
    above: 1.5,
    counts: 'traced',
  },
  {
    name: 'a list that gets several at a time',
    lines: ['a = []', 'for i in range(n):', '  a.extend([bytes(10), bytes(20)])', 'return 1'],
    above: 0.15,
    counts: 'traced',
  },
  {
    name: 'a list that gets what a generator makes',
    lines: [
      'a = []',
      'for i in range(n // 9):',
      '  a += (bytes(10) for _ in range(9))',
      'return 1',
    ],
    above: 0.15,
    counts: 'traced',
  },
  {
    name: 'bytes that are appended to',
    lines: ['b = bytearray()', 'for i in range(n):', '  b.append(7)', 'return 1'],
    above: 0.15,
    counts: 'traced',
  },
  {
    name: 'bytes with room that are added to',
    lines: ['b = bytearray()', 'for i in range(n):', '  b += b"abc"', 'x = bytes(b)', 'return 1'],
    above: 0.2,
    counts: 'traced',
  },
  {
    name: 'bytes that are extended',
    lines: ['b = bytearray()', 'for i in range(n // 10):', '  b.extend(b"0123456789")', 'return 1'],
    above: 0.15,
    counts: 'traced',
  },
  {
    name: 'dict.setdefault',
    lines: ['d = {}', 'for i in range(n):', '  d.setdefault(i, []).append(i)', 'return 1'],
    above: 1,
    counts: 'traced',
  },
  {
    name: 'texts with a long part that is written',
    lines: [`d = [f"${'-'.repeat(100)}{i}{i:>50}" for i in range(n // 10)]`, 'return 1'],
    above: 0.35,
    counts: 'traced',
  },
  {
    name: 'a list',
    lines: ['d = []', 'for i in range(n):', '  d.append(i)', 'return 1'],
    above: 0.1,
    counts: 'traced',
  },
  {
    name: 'a comprehension',
    lines: ['d = [i * 2 for i in range(n)]', 'return 1'],
    above: 0.1,
    counts: 'traced',
  },
];

/** Sizes that are exact, or up to a summary, and that nothing here measures: why not. */
const UNMEASURED: Readonly<Record<string, string>> = {
  'io.StringIO': 'as io.BytesIO',
  'io.open': 'is open',
  'gzip.open': 'as open, and a window of zlib',
  'urllib.parse.unquote_plus': 'a path of a request',
  'connection.recv': 'needs a peer',
  'connection.recvfrom': 'needs a peer',
  'hash.hexdigest': 'a constant',
  'hash.digest': 'a constant',
  hex: 'a number',
  chr: 'a character',
  dict: 'measured as it grows',
  'collections.OrderedDict': 'as dict',
  'collections.defaultdict': 'as dict',
  'shutil.make_archive': 'reads a folder',
  'zipfile.*': 'reads a file',
  'tarfile.*': 'reads a file',
  range: 'holds nothing',
  xrange: 'Python 2',
  len: 'a number',
  int: 'a number',
};
/** Of these libraries nothing is installed where this runs. */
const ELSEWHERE = new RegExp(
  '^(\\.?storage|\\.?nosql|boto3|urllib\\.request|requests?|responses?|igraph|pyaes|aes|PIL|' +
    'image|cv2|video|frame)\\b',
);

const SIZED: ReadonlySet<CallResult['kind']> = new Set([
  'text',
  'bytes',
  'array',
  'view',
  'list',
  'record',
]);

test('every summary of exact or summarised size is measured, or says why not', (t) => {
  const measured = new Set([...NUMPY, ...STANDARD].map(({ name }) => name));
  const left = PYTHON_SUMMARIES.filter(
    ({ result, certainty }) => SIZED.has(result.kind) && ['exact', 'summary'].includes(certainty),
  )
    .flatMap(({ names }) => names)
    .filter((name) => !measured.has(name) && !(name in UNMEASURED) && !ELSEWHERE.test(name));
  t.deepEqual(left, []);
});

const IMPORTS = 'import os, io, json, random, zlib, html, string, collections';
const sourceOf = ({ lines }: Case, imports: string): string =>
  [
    imports,
    'def handler(event):',
    '  n = event["n"]',
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n');

function saidOf(source: string): number {
  const of = interfaceOf(extractSource('f.py', source, { model: null, entry: null }));
  return sizesFor(of, PAYLOAD).peak_bytes;
}

/** Of the whole process, which takes again what a call before has left: up to half more is said. */
const LIBRARIES: readonly Case[] = [
  ...['x.pagerank()', 'x.bfs(0)', 'x.spanning_tree(None, False)'].map((call) =>
    atMost(0.5, resident(calls(`igraph.${call}`, call, 'x = igraph.Graph.Barabasi(n, 10)'))),
  ),
  atMost(0.5, resident(calls('igraph.Graph.Barabasi', 'igraph.Graph.Barabasi(n, 20)'))),
  atMost(
    0.15,
    calls('aes.encrypt', 'a.encrypt("x" * 20000)', 'a = pyaes.AESModeOfOperationCTR(b"0" * 16)'),
  ),
];

for (const [what, cases, imports, wanted] of [
  ['Python', [...STANDARD, ...GROWN], IMPORTS, []],
  ['NumPy', NUMPY, `${IMPORTS}\nimport numpy as np`, [['numpy', '1.24.']]],
  [
    'igraph and pyaes',
    LIBRARIES,
    `${IMPORTS}\nimport igraph, pyaes`,
    [
      ['igraph', '1.0'],
      ['pyaes', '1.6'],
    ],
  ],
] as const) {
  test(`what is said of calls of ${what} is what they take`, async (t) => {
    const versions = await runAll([]);
    const { python, libraries = {} } = versions ?? {};
    const lacks = wanted.filter(([name, of]) => libraries[name]?.startsWith(of) !== true);
    if (python !== '3.11' || lacks.length > 0) {
      const told = `Python is ${python}, and not there: ${lacks.map((one) => one.join(' ')).join(', ')}`;
      t.log(`skipped: ${told}; Python 3.11 is wanted`);
      t.pass();
      return;
    }
    const sources = cases.map((one) => sourceOf(one, imports));
    const counted = await runAll(
      cases.map(({ counts }, at) => ({ source: sources[at] ?? '', counts })),
    );
    for (const [at, { name, above }] of cases.entries()) {
      const peak = counted?.peaks[at] ?? Number.NaN;
      const said = saidOf(sources[at] ?? '');
      const figures = `${name}: ${said} said, ${peak} measured`;
      t.true(said + LEFT_BYTES >= peak * 0.995, figures);
      t.true(said <= peak * (1 + above) + LEFT_BYTES, figures);
    }
  });
}
