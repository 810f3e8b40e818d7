/** What such readers get wrong: the right answer, or a class that admits it. */
import test from 'ava';
import type { Extraction } from '../../../autoscaler/mux/extract.ts';
import { extractSource } from '../../../autoscaler/mux/source.ts';

interface Case {
  readonly why: string;
  readonly source: string;
  readonly peak?: string;
  readonly freed?: string;
  readonly certainty: Extraction['certainty'];
  /** Something that is told. */
  readonly remark?: RegExp;
}

const IMPORTS = 'import numpy as np, os, json, subprocess, threading, torch, random\n';
const handler = (...lines: string[]): string =>
  `${IMPORTS}def handler(event):\n${lines.map((line) => `  ${line}`).join('\n')}\n`;

const FAILURE_MODES: readonly Case[] = [
  {
    why: 'a view shares the memory of its array',
    source: handler(
      'n = event["n"]',
      'a = np.zeros((n, n))',
      'b = a.reshape((n * n))',
      'c = b[0:10]',
    ),
    peak: '8 * n*n + 184',
    certainty: 'exact',
  },
  {
    why: 'a view keeps its array alive when its name is gone',
    source: handler(
      'a = np.zeros(event["n"])',
      'b = a.reshape(event["n"])',
      'a = None',
      'return b',
    ),
    freed: '0',
    certainty: 'exact',
  },
  {
    why: 'an expression holds its temporaries',
    source: handler('a = np.zeros(event["n"]) - 0.5', 'return 1'),
    peak: '16 * n + 224',
    certainty: 'exact',
  },
  {
    why: 'a temporary of a temporary is dead before the next',
    source: handler('a = (np.zeros(event["n"]) - 0.5) * 2 + 1', 'return 1'),
    peak: '16 * n + 224',
    certainty: 'exact',
  },
  {
    why: 'the old value lives until the new one is there',
    source: handler('a = np.zeros(event["n"])', 'a = np.ones(event["n"])'),
    peak: '16 * n + 224',
    certainty: 'exact',
  },
  {
    why: 'a name that is deleted first makes room',
    source: handler('a = np.zeros(event["n"])', 'del a', 'a = np.ones(event["n"])'),
    peak: '8 * n + 112',
    certainty: 'exact',
  },
  {
    why: 'LAPACK works on copies',
    source: handler(
      'n = event["n"]',
      'a = np.zeros((n, n))',
      'x = np.linalg.solve(a, np.zeros((n, 1)))',
    ),
    peak: '16 * n*n + 28 * n + 384',
    certainty: 'exact',
  },
  {
    why: 'the type of the items counts',
    source: handler('a = np.zeros(event["n"], dtype=np.float32)'),
    peak: '4 * n + 112',
    certainty: 'exact',
  },
  {
    why: 'a type that is not known is told',
    source: handler('a = np.zeros(event["n"], dtype=event["type"])'),
    certainty: 'attribute',
    peak: 'itemsize(type)*n + 112',
    remark: /itemsize\(type\): how many bytes one item/,
  },
  {
    why: 'the size of parsed JSON is in the data',
    source: handler('d = json.loads(event["text"])', 'return len(d)'),
    certainty: 'fitted',
    remark: /json\.loads: how many objects/,
  },
  {
    why: 'the size of a table is in its file',
    source: `import pandas as pd\n${handler('d = pd.read_csv(event["path"])', 'return len(d)')}`,
    certainty: 'fitted',
    remark: /read_csv: what it holds is in the data/,
  },
  {
    why: 'how many groups there are is in the data',
    source: `import pandas as pd\n${handler('d = pd.read_csv(event["path"])', 'g = d.groupby("a").sum()', 'return 1')}`,
    certainty: 'fitted',
  },
  {
    why: 'the size of a decoded image is not that of its file',
    source: `from PIL import Image\n${handler('i = Image.open(event["path"])', 'return 1')}`,
    peak: '4 * pixels(path)',
    certainty: 'attribute',
    remark: /pixels\(path\): width times height/,
  },
  {
    why: 'many small objects have each its header',
    source: handler('a = [[i] for i in range(event["n"])]', 'return 1'),
    certainty: 'exact',
    peak: 'max(129 * n + 152, 170 * n + 120, 281)',
  },
  {
    why: 'a generator makes its values one at a time',
    source: `${IMPORTS}def values(n):\n  for i in range(n):\n    yield np.zeros(n)\n${handler(
      'return sum(values(event["n"]))',
    )}`,
    certainty: 'fitted',
    remark: /one at a time/,
  },
  {
    why: 'a lazy expression holds nothing, a list all',
    source: handler('s = sum(i * 2 for i in range(event["n"]))', 'return s'),
    peak: '96',
    certainty: 'exact',
  },
  {
    why: 'a caught exception keeps what its frame had',
    source: handler(
      'kept = []',
      'try:',
      '  a = np.zeros(event["n"])',
      '  raise ValueError()',
      'except ValueError as e:',
      '  kept.append(e)',
      'a = None',
      'return kept',
    ),
    freed: '0',
    certainty: 'exact',
  },
  {
    why: 'a child process is not in the heap',
    source: handler('subprocess.check_output(["ls"])'),
    certainty: 'attribute',
    peak: 'process(line_3) + 65698',
    remark: /child process, which is in the partition/,
  },
  {
    why: 'threads are not followed',
    source: handler('t = threading.Thread(target=print)', 't.start()'),
    certainty: 'fitted',
    remark: /each thread has a stack/,
  },
  {
    why: 'a file under /tmp is not in the heap',
    source: handler('f = open("/tmp/x", "wb")', 'f.write(os.urandom(event["n"]))'),
    peak: 'n + 8737',
    certainty: 'exact',
    remark: /page cache or tmpfs/,
  },
  {
    why: 'a loop of Python 2 that does not end in 3 is told',
    source: handler('b = os.urandom(event["n"])', 'while b != "":', '  b = os.urandom(event["n"])'),
    peak: '2 * n + 66',
    certainty: 'exact',
    remark: /does not end/,
  },
  {
    why: 'a range of a fraction is told',
    source: handler('for i in range(event["n"] / 2):', '  a = 1'),
    certainty: 'exact',
    remark: /TypeError/,
  },
  {
    why: 'recursion is refused',
    source: `${IMPORTS}def f(n):\n  return f(n - 1)\n${handler('return f(event["n"])')}`,
    certainty: 'refused',
    remark: /calls itself/,
  },
  {
    why: 'a framework is refused',
    source: handler('m = torch.load("x")'),
    certainty: 'refused',
  },
  {
    why: 'what is no Python is told with its line',
    source: handler('a = np.zeros(event["n"])', 'b = = 3'),
    certainty: 'refused',
    remark: /cannot be read/,
  },
  {
    why: 'a loop that appends multiplies',
    source: handler(
      'kept = []',
      'for i in range(event["n"]):',
      '  kept.append(os.urandom(100))',
      'return kept',
    ),
    // A list, 133 + 8 bytes each, and the counter, old and new; 217 before the first is kept.
    peak: 'max(142 * n + 184, 285)',
    certainty: 'exact',
  },
  {
    why: 'a loop that rebinds holds two',
    source: handler('for i in range(event["n"]):', '  a = os.urandom(1000)'),
    peak: '2098',
    certainty: 'exact',
  },
  {
    why: 'a field that each round sets anew holds two while it does',
    source: `${IMPORTS}class A:\n  def __init__(self):\n    self.a = None\n${handler(
      'x = A()',
      'for i in range(event["n"]):',
      '  x.a = np.zeros(1000)',
      'return 1',
    )}`,
    peak: '16560',
    certainty: 'exact',
  },
  {
    why: 'the same object in a list is there once',
    source: handler('d = os.urandom(event["n"])', 'return [d for x in range(event["rows"])]'),
    peak: 'n + 9 * rows + 217',
    certainty: 'exact',
  },
  {
    why: 'a loop that depends on data is told',
    source: handler(
      'kept = []',
      'for row in json.loads(event["t"]):',
      '  kept.append(os.urandom(9))',
      'return kept',
    ),
    certainty: 'fitted',
    remark: /how often a loop runs/,
  },
  {
    why: 'the larger branch counts',
    source: handler(
      'if event["big"]:',
      '  a = np.zeros(event["n"])',
      'else:',
      '  a = np.zeros(10)',
      'return 1',
    ),
    certainty: 'exact',
  },
  {
    why: 'a helper of the same file is followed, and its names die with it',
    source: `${IMPORTS}def work(n):\n  a = np.zeros(n)\n  return n\n${handler(
      'work(event["n"])',
      'return work(event["n"])',
    )}`,
    peak: '8 * n + 112',
    certainty: 'exact',
  },
];

for (const { why, source, peak, freed, certainty, remark } of FAILURE_MODES) {
  test(why, (t) => {
    const extraction = extractSource('f.py', source, { model: null, entry: null });
    const remarks = extraction.remarks.map(({ what }) => what);
    t.is(extraction.certainty, certainty, remarks.join('; '));
    if (peak !== undefined) t.is(extraction.cold.peak.text, peak);
    if (freed !== undefined) t.is(extraction.cold.freed.text, freed);
    if (remark)
      t.true(
        remarks.some((one) => remark.test(one)),
        remarks.join('; '),
      );
  });
}
