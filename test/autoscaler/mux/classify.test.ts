/** `hotplane mux classify` over a folder of small functions. */
import test, { type ExecutionContext } from 'ava';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runLine } from '../../cli/run-line.ts';

const FILES: Readonly<Record<string, string>> = {
  'matmul/f.py': 'import numpy as np\ndef handler(e):\n  a = np.zeros(e["n"])\n  return 1\n',
  'beside/f.mjs': "import { kept } from './kept.mjs';\nexport const handler = (e) => kept(e.n);\n",
  'beside/kept.mjs': 'export function kept(n) {\n  return Buffer.alloc(n);\n}\n',
  'read/f.py': 'def handler(e):\n  return len(open(e["path"]).read())\n',
  'graph/f.py': 'import igraph\ndef main(e):\n  return igraph.Graph.Barabasi(e["n"], 10)\n',
  'json/f.py': 'import json\ndef handler(e):\n  return json.loads(e["t"])\n',
  'torch/f.py': 'import torch\ndef handler(e):\n  return torch.load(e["m"])\n',
  'broken/f.js': 'function (',
  'notes/readme.md': 'no source',
  'node_modules/x/f.js': 'exports.handler = () => 1;\n',
  '.cache/f.py': 'def handler(e):\n  return 1\n',
};

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-classify-'));
  t.teardown(async () => await rm(folder, { recursive: true }));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

test('each function has its class and what keeps it from a better one, best class first', async (t) => {
  const folder = await folderOf(t);
  const { code, out, err } = await runLine(`mux classify ${folder}`);
  t.is(code, 0, err);
  const rows = out.replaceAll(`${folder}/`, '').split('\n');
  t.deepEqual(
    rows
      .filter((row) => /^[a-z].*\.(py|mjs)/.test(row))
      .map((row) => row.replaceAll(/ {2,}/g, ' | ')),
    [
      'exact | beside/f.mjs | n + 200',
      'exact | matmul/f.py | 8 * n + 112',
      'up to a summary | graph/f.py | 614 * n',
      'needs an attribute | read/f.py | size(path) + 8737',
      'fitted | json/f.py | 0',
      'refused | torch/f.py | -',
    ],
  );
  t.regex(out, /needs an attribute.*\n {2}:2 size\(path\): how many bytes an object or a file has/);
  t.regex(out, /^not read .*broken\/f\.js: /m);
  t.regex(
    out,
    /^6 functions: 2 exact, 1 up to a summary, 1 needs an attribute, 1 fitted, 1 refused$/m,
  );
  t.regex(out, /^1 source files without a function that a platform calls$/m);
});

test('an attribute that is given lifts the functions that need it', async (t) => {
  const folder = await folderOf(t);
  const given = join(folder, 'given.yaml');
  await writeFile(given, '"size(path)": 1KiB\n');
  const { out } = await runLine(`mux classify ${folder} --attributes ${given}`);
  t.regex(out, /^exact .*read\/f\.py +9761$/m);
  const by_hand = await runLine(`mux classify ${folder} --attribute size(path)=1KiB`);
  t.is(by_hand.out, out);
});

test('JSON has everything of each, and the counts', async (t) => {
  const folder = await folderOf(t);
  const { out } = await runLine(`mux classify ${folder} --json`);
  const told: unknown = JSON.parse(out);
  t.like(told, {
    counts: { exact: 2, fitted: 1 },
    without_handler: [join(folder, 'beside/kept.mjs')],
  });
  t.like(told, { unread: { length: 1 }, functions: { length: 6 } });
  t.regex(out, /"class": "exact",[^}]*"peak": "8 \* n \+ 112"/);
});

const REFUSED: readonly (readonly [args: string, why: RegExp])[] = [
  ['/nowhere/at/all', /ENOENT|no such file/i],
  ['. --attribute size', /NAME=VALUE/],
  ['. --attribute size(a)=apples', /neither a whole number, a size/],
  ['. --model rust', /one of cpython-3.11/],
];
for (const [args, why] of REFUSED) {
  test(`refused: mux classify ${args}`, async (t) => {
    const { code, err } = await runLine(`mux classify ${args}`);
    t.not(code, 0);
    t.regex(err, why);
  });
}
