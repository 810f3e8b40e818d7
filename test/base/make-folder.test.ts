import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { makeFolder, makeFolderSync } from '../../base/make-folder.ts';

const ENTRY = new URL('../../cli/main.ts', import.meta.url).pathname;
const TRACE = new URL('../../autoscaler/traces/azure2021/sample_200.csv', import.meta.url).pathname;
/** Far more than the commands need to refuse; they used to spin until killed. */
const DEADLINE_MS = 120_000;

let dir: string;
test.before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hotplane-make-folder-'));
});
test.after.always(async () => await rm(dir, { recursive: true, force: true }));

const both = [
  ['async', makeFolder],
  ['sync', makeFolderSync],
] as const;

for (const [kind, make] of both) {
  test(`${kind}: makes every missing parent with the mode and says which was the first`, async (t) => {
    const first = join(dir, kind);
    t.is(await make(join(first, 'a/b/'), { mode: 0o700 }), first);
    for (const path of [first, join(first, 'a'), join(first, 'a/b')]) {
      t.is((await stat(path)).mode & 0o777, 0o700);
    }
    t.is(await make(join(first, 'a/b')), null);
    t.is(await make(join(first, 'a/c')), join(first, 'a/c'));
    t.is(await make('/'), null);
  });

  test(`${kind}: refuses what is no folder, also behind a link or as a parent`, async (t) => {
    const place = join(dir, `${kind}-taken`);
    await mkdir(join(place, 'folder'), { recursive: true });
    await writeFile(join(place, 'file'), '');
    await symlink('nowhere', join(place, 'dangling'));
    await symlink('folder', join(place, 'link'));
    const codeOf = async (name: string): Promise<unknown> => {
      const error = await t.throwsAsync(async () => await make(join(place, name)));
      return error && Reflect.get(error, 'code');
    };
    t.is(await codeOf('file'), 'EEXIST');
    t.is(await codeOf('dangling'), 'EEXIST');
    t.is(await codeOf('file/below'), 'ENOTDIR');
    t.is(await make(join(place, 'link')), null);
  });

  test(`${kind}: of many that make the same folder at once all succeed`, async (t) => {
    const path = join(dir, `${kind}-many`, 'a/b/c');
    await Promise.all(Array.from({ length: 20 }, async () => await make(path)));
    t.true((await stat(path)).isDirectory());
  });
}

for (const words of [
  ['replay', '--trace', TRACE],
  ['bench', 'agent', '--short'],
]) {
  test(`${words.slice(0, 2).join(' ')} ends where no folder can be made`, async (t) => {
    const out = ['--out', '/proc/hotplane/out'];
    const child = spawn(process.execPath, [ENTRY, ...words, ...out], {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const [code] = await once(child, 'close');
    t.true(code === 1 || code === 3, `exit code ${code}: ${said}`);
    t.regex(said, /HP_\w+: .*\/proc\/hotplane.* Next: /);
  });
}
