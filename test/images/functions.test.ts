/**
 * Goal: the functions to measure with do what they say: the same seed and size give the same known
 * answer, in Python and in Node.
 * Method: their handlers on this host, as their runtimes would call them.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { readFunctionFile } from '../../cli/function/program.ts';

const FOLDER = join(PROJECT_ROOT, 'images', 'functions');
const SEED = 7;

const ANSWERS: Readonly<Record<string, { readonly size: number; readonly answer: object }>> = {
  page: { size: 300, answer: { bytes: 19_548, digest: '26b3ac84fe50d850' } },
  graph: { size: 300, answer: { reached: 300, farthest: 5, top: 249, rank_ppb: 6_811_471 } },
  matrix: { size: 20, answer: { trace: 99_731_083, check: 668_153_876 } },
  resize: { size: 300, answer: { bytes: 67_500, digest: '4b7dbeae526fdc6e' } },
  compress: { size: 300, answer: { digest: '98589cf0d4485b1a', smaller: true } },
  records: { size: 300, answer: { customers: 48, digest: 'b7ccfe3178fe9d2b' } },
  frames: { size: 3, answer: { frames: 3, changed: 1_330, last: 410 } },
  inference: { size: 300, answer: { classes: [0, 178, 0, 6, 29, 49, 0, 9, 0, 29] } },
  words: { size: 300, answer: { words: 114, first: 'ke', digest: 'eb797ae450e1a687' } },
};

/** Of a base runtime with more in it, where they are tried: runtime.vm.test.ts. */
const OF_LIBRARIES = new Set(['inference_numpy', 'resize_pillow']);

const LANGUAGES = { python: '.py', node: '.mjs' } as const;

for (const [language, end] of Object.entries(LANGUAGES)) {
  test(`every function of ${language} has a manifest and a known answer`, async (t) => {
    const files = await readdir(join(FOLDER, language));
    const names = files
      .filter((file) => file.endsWith(end))
      .map((file) => file.slice(0, -end.length));
    const own = names.filter((name) => name !== 'seeded' && !OF_LIBRARIES.has(name));
    t.deepEqual(own.toSorted(), Object.keys(ANSWERS).toSorted());
    for (const name of own) {
      const { manifest } = await readFunctionFile(join(FOLDER, language, `${name}.yaml`));
      t.like(manifest, { name: `${name}-${language}`, handler: `${name}.handler`, package: '.' });
    }
  });
}

for (const [name, { size, answer }] of Object.entries(ANSWERS)) {
  const event = { seed: SEED, size };

  test(`${name}, in Node, gives its known answer`, async (t) => {
    const module = await import(pathToFileURL(join(FOLDER, 'node', `${name}.mjs`)).href);
    t.deepEqual(module.handler(event), answer);
    t.notDeepEqual(module.handler({ ...event, seed: SEED + 1 }), answer, 'its input is by seed');
  });

  test(`${name}, in Python, gives the same`, async (t) => {
    const call = `import json, sys, ${name}; print(json.dumps(${name}.handler(json.loads(sys.argv[1]))))`;
    const { stdout } = await execa('python3', ['-B', '-c', call, JSON.stringify(event)], {
      cwd: join(FOLDER, 'python'),
    });
    t.deepEqual(JSON.parse(stdout), answer);
  });
}
