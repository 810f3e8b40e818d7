import { execFileSync } from 'node:child_process';
import test from 'ava';
import { directory, file, writeCpio } from '../../images/rootfs/cpio.ts';
import { rootfsEntries } from '../../images/rootfs/rootfs.ts';

const PROGRAMS = { init: Buffer.from('#!init'), 'bin/workload': Buffer.from('work') };

function list(archive: Buffer): readonly string[] {
  const args = ['--list', '--verbose', '--numeric-uid-gid', '--quiet'];
  const text = execFileSync('cpio', args, {
    input: archive,
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: process.env['PATH'] },
  });
  return text.toString().split('\n').slice(0, -1);
}

test('the archive holds what cpio(1) reads back, device nodes included', (t) => {
  const lines = list(writeCpio(rootfsEntries(PROGRAMS)));
  t.is(lines.length, 10);
  t.regex(
    lines.find((line) => line.endsWith('dev/console')) ?? '',
    /^crw-------\s+1 0\s+0\s+5,\s+1 /,
  );
  t.regex(
    lines.find((line) => line.endsWith(' init')) ?? '',
    /^-rwxr-xr-x\s+1 0\s+0\s+6 Jan\s+1\s+1970/,
  );
});

test('the same programs give the same bytes', (t) => {
  const turned = Object.fromEntries(Object.entries(PROGRAMS).toReversed());
  t.deepEqual(writeCpio(rootfsEntries(PROGRAMS)), writeCpio(rootfsEntries(turned)));
});

test('contents of every length survive', (t) => {
  const contents = [0, 1, 2, 3, 4, 5, 4095].map((length) => Buffer.alloc(length, 0x61));
  const entries = contents.map((content, index) => file(`f${index}`, content, 0o644));
  const lines = list(writeCpio(entries));
  t.deepEqual(
    lines.map((line) => Number(line.split(/\s+/)[4])),
    contents.map((content) => content.byteLength),
  );
});

test('a path that is absolute, empty or before its directory is a bug of the caller', (t) => {
  for (const path of ['/init', '', 'a//b', 'bin/x', 'x/']) {
    t.throws(() => writeCpio([file(path, Buffer.alloc(0), 0o644)]), undefined, path);
  }
  t.notThrows(() => writeCpio([directory('bin'), file('bin/x', Buffer.alloc(0), 0o644)]));
});
