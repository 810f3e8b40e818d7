/** What is generated is called so in one place, .gitattributes, and every tool takes it as that. */
import test from 'ava';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { GENERATED } from './sources.ts';

const read = (path: string): string => readFileSync(join(PROJECT_ROOT, path), 'utf8');

/** How each tool is told to leave a folder out. */
const TOLD: readonly (readonly [file: string, words: (folder: string) => string])[] = [
  ['.oxlintrc.json', (folder) => `"${folder}"`],
  ['biome.json', (folder) => `"!${folder}"`],
  ['knip.jsonc', (folder) => `"${folder}/*.ts"`],
  ['.c8rc.json', (folder) => `"${folder}/**"`],
];

const FOLDERS = GENERATED.filter((pattern) => pattern.endsWith('/**')).map((pattern) =>
  pattern.slice(0, -'/**'.length),
);

test('folders of generated code are left out by linters, formatter, knip and coverage', (t) => {
  t.deepEqual(FOLDERS, ['agent/api/generated']);
  const missing = FOLDERS.flatMap((folder) =>
    TOLD.filter(([file, words]) => !read(file).includes(words(folder))).map(
      ([file]) => `${file} does not leave out ${folder}`,
    ),
  );
  t.deepEqual(missing, []);
});

test('a generated file is there, and says so at its head', (t) => {
  for (const pattern of GENERATED) {
    const files = globSync(pattern, { cwd: PROJECT_ROOT }).filter((path) => /\.\w+$/.test(path));
    t.true(files.length > 0, `${pattern} names nothing`);
    for (const path of files) {
      t.regex(read(path).split('\n').slice(0, 3).join('\n'), /DO NOT EDIT|Written by/, path);
    }
  }
});
