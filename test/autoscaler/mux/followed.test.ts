/** Ordinary Python and Node that is followed: files beside, what is spread, what is called back. */
import test from 'ava';
import type { Extraction } from '../../../autoscaler/mux/extract.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';

interface Case {
  readonly why: string;
  readonly file: string;
  readonly lines: readonly string[];
  readonly beside?: Readonly<Record<string, string>>;
  readonly peak: string;
}

const CASES: readonly Case[] = [
  {
    why: 'a module beside',
    file: 'f.py',
    lines: ['import work', 'def handler(event):', '  return work.grown(event["n"])'],
    beside: { 'work.py': 'SIZE = 8\ndef grown(n):\n  return bytes(SIZE * n)\n' },
    peak: '8 * n + 33',
  },
  {
    why: 'a name of a module beside, which imports a third',
    file: 'f.py',
    lines: ['from work import grown as g', 'def handler(event):', '  return g(event["n"])'],
    beside: {
      'work.py': 'from . import sizes\ndef grown(n):\n  return bytes(sizes.SIZE * n)\n',
      'sizes.py': 'SIZE = 8\n',
    },
    peak: '8 * n + 33',
  },
  {
    why: 'a class of a module beside, whose methods see the names of that module',
    file: 'f.py',
    lines: [
      'from work import Worker',
      'SIZE = 1000',
      'def handler(event):',
      '  return Worker().grown(event["n"])',
    ],
    beside: {
      'work.py': 'SIZE = 8\nclass Worker:\n  def grown(self, n):\n    return bytes(SIZE * n)\n',
    },
    peak: '8 * n + 217',
  },
  {
    why: 'modules that import each other',
    file: 'f.py',
    lines: ['import work', 'def handler(event):', '  return bytes(work.SIZE * event["n"])'],
    beside: { 'work.py': 'import other\nSIZE = 8\n', 'other.py': 'import work\n' },
    peak: '8 * n + 33',
  },
  {
    why: 'a module of Node beside',
    file: 'f.mjs',
    lines: [
      "import { grown } from './work.mjs';",
      'export const handler = ({ n }) => grown(n).length;',
    ],
    beside: { 'work.mjs': 'export function grown(n) {\n  return Buffer.alloc(8 * n);\n}\n' },
    peak: '8 * n + 200',
  },
  {
    why: 'a module of Node beside that is required',
    file: 'f.js',
    lines: ["const { grown } = require('./work');", 'exports.handler = (event) => grown(event.n);'],
    beside: { 'work.js': 'module.exports = { grown: (n) => Buffer.alloc(8 * n) };\n' },
    peak: '8 * n + 200',
  },
  {
    why: 'arguments in a list',
    file: 'f.py',
    lines: [
      'def size(a, b):',
      '  return bytes(a * b)',
      'def handler(event):',
      '  both = (event["n"], 8)',
      '  return size(*both)',
    ],
    peak: '8 * n + 89',
  },
  {
    why: 'lists of lists that are spread',
    file: 'f.js',
    lines: [
      'exports.handler = ({ n }) => {',
      '  const a = new Array(n);',
      '  return [...a, ...a, 1];',
      '};',
    ],
    peak: '24 * n + 104',
  },
  {
    why: 'what a promise is resolved with',
    file: 'f.js',
    lines: [
      'exports.handler = async ({ n }) =>',
      '  new Promise((resolve) => setTimeout(() => resolve(Buffer.alloc(n)), 10));',
    ],
    peak: 'n + 328',
  },
  {
    why: 'a text of as many characters as a generator gives',
    file: 'f.py',
    lines: [
      'import random, string',
      'def handler(event):',
      '  return "".join(random.choice(string.ascii_lowercase) for i in range(event["n"]))',
    ],
    peak: '10 * n + 201',
  },
  {
    why: 'a dictionary under keys of a list is as long as its longest key allows',
    file: 'f.py',
    lines: [
      'NAMES = ["long name", "a"]',
      'def handler(event):',
      '  d = {}',
      '  for name in NAMES:',
      '    d[name] = event["text"]',
      '  return str(d)',
    ],
    peak: '2 * text_length + 505',
  },
  {
    why: 'parts of a text are there once, however often they are gone through',
    file: 'f.py',
    lines: [
      'def handler(event):',
      '  for part in event["text"].split("/"):',
      '    upper = part.upper()',
      '  return 1',
    ],
    peak: '68 * text_length + 98',
  },
];

function extract({ file, lines, beside = {} }: Case): Extraction {
  const options = { model: null, entry: null };
  const source = `${lines.join('\n')}\n`;
  return extractSource(file, source, options, new Map(Object.entries(beside)));
}

for (const one of CASES) {
  test(`followed: ${one.why}`, (t) => {
    const { cold, certainty, remarks } = extract(one);
    t.is(certainty, 'exact', remarks.map(({ what }) => what).join('; '));
    t.is(cold.peak.text, one.peak);
  });
}

test('what is in a file beside has its name and its line', (t) => {
  const { terms, remarks } = extractSource(
    'f.py',
    'import work\ndef handler(event):\n  return work.read(event["t"])\n',
    { model: null, entry: null },
    new Map([['work.py', 'import json\ndef read(t):\n  a = bytes(9)\n  return json.loads(t)\n']]),
  );
  t.like(terms[0], { file: 'work.py', line: 3, what: 'bytes' });
  t.like(remarks[0], { file: 'work.py', line: 4, certainty: 'fitted' });
});

test('a module that is not beside, or cannot be read, stays unknown', (t) => {
  for (const beside of [new Map<string, string>(), new Map([['work.js', 'function (']])]) {
    const source = "const work = require('./work');\nexports.handler = (e) => work.grown(e.n);\n";
    const { certainty, remarks } = extractSource(
      'f.js',
      source,
      { model: null, entry: null },
      beside,
    );
    t.is(certainty, 'fitted');
    t.true(remarks.some(({ what }) => what.includes('grown is not followed')));
  }
});

test('what a loop adds to itself doubles each time, and is not told exactly', (t) => {
  for (const line of ['s = s + s', 's += s', 's = s + "a" + s']) {
    const source = `def handler(event):\n  s = event["t"] + "b"\n  for _ in range(9):\n    ${line}\n  return 1\n`;
    t.is(extractSource('f.py', source, { model: null, entry: null }).certainty, 'fitted', line);
  }
});
