import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { describeError, HotplaneError } from '../../base/errors.ts';
import { errnoOf, systemError, translated } from '../../base/system-error.ts';

const dir = mkdtempSync(join(tmpdir(), 'hotplane-system-'));
test.after.always(() => rmSync(dir, { recursive: true, force: true }));

/** What the system itself throws, and the code it is told with. */
const REAL: readonly (readonly [string, string, () => unknown])[] = [
  ['ENOENT', 'HP_SYSTEM_MISSING', () => readFileSync(join(dir, 'none'))],
  ['EISDIR', 'HP_SYSTEM_IS_A_FOLDER', () => writeFileSync(dir, '')],
  ['ENAMETOOLONG', 'HP_SYSTEM_NAME_TOO_LONG', () => readFileSync(join(dir, 'n'.repeat(300)))],
  [
    'ENOTDIR',
    'HP_SYSTEM_NOT_A_FOLDER',
    () => {
      writeFileSync(join(dir, 'file'), '');
      mkdirSync(join(dir, 'file/below'), { recursive: true });
    },
  ],
  [
    'ELOOP',
    'HP_SYSTEM_LINK_LOOP',
    () => {
      if (!existsSync(join(dir, 'loop'))) symlinkSync('loop', join(dir, 'loop'));
      readFileSync(join(dir, 'loop'));
    },
  ],
  ['EEXIST', 'HP_SYSTEM_EXISTS', () => mkdirSync(dir)],
];

for (const [errno, code, act] of REAL) {
  test(`${errno} is told with path, cause and next step`, (t) => {
    const error = t.throws(act);
    t.is(errnoOf(error), errno);
    const told = systemError(error);
    t.is(told?.code, code);
    t.true(told?.message.includes(dir), told?.message);
    t.true(told?.message.endsWith(`(${errno}).`), told?.message);
    t.not(told?.next, '');
    t.is(describeError(told).split(errno).length, 2, 'once, not again as its own cause');
  });
}

/** Those that a test cannot bring about on every machine. */
const MADE: readonly (readonly [string, string, number])[] = [
  ['ENOSPC', 'HP_SYSTEM_NO_SPACE', 3],
  ['EDQUOT', 'HP_SYSTEM_NO_SPACE', 3],
  ['EACCES', 'HP_SYSTEM_DENIED', 3],
  ['EPERM', 'HP_SYSTEM_DENIED', 3],
  ['EROFS', 'HP_SYSTEM_READ_ONLY', 3],
  ['EMFILE', 'HP_SYSTEM_TOO_MANY_FILES', 3],
  ['ENFILE', 'HP_SYSTEM_TOO_MANY_FILES', 3],
  ['EIO', 'HP_SYSTEM_IO', 1],
  ['ETXTBSY', 'HP_SYSTEM_BUSY', 5],
  ['ENOMEM', 'HP_SYSTEM_NO_MEMORY', 3],
  ['EXDEV', 'HP_SYSTEM_ERROR', 1],
];

for (const [errno, code, exit_code] of MADE) {
  test(`${errno} is ${code}`, (t) => {
    const fields = { code: errno, syscall: 'rename', path: '/a', dest: '/b' };
    const told = systemError(Object.assign(new Error(`${errno}: words`), fields));
    t.like(told, { code, exit_code });
    t.true(told?.message.startsWith("cannot rename '/a' to '/b': "), told?.message);
  });
}

test('the caller may say what it did, and where', (t) => {
  const error = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'write' });
  const context = { doing: 'write the results', path: '/out', hint: '--out names the folder.' };
  const told = systemError(error, context);
  t.is(told?.message, "cannot write the results '/out': the disk is full (ENOSPC).");
  t.true(told?.next.endsWith(context.hint));
});

test('a working folder that is gone is named as that', (t) => {
  const error = Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'uv_cwd' });
  t.is(systemError(error)?.code, 'HP_SYSTEM_WORKING_FOLDER');
});

test('bugs and our own errors stay what they are', (t) => {
  const ours = new HotplaneError({ code: 'HP_X', category: 'usage', message: 'm', next: 'n' });
  const bug = new TypeError('x is not a function');
  const module_error = Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' });
  for (const error of [ours, bug, module_error, 'text', null]) t.is(translated(error), error);
});
