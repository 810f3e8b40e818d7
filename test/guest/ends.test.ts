/**
 * Goal: what a program of the guest wrote before its end reaches the host, before that end is told,
 * and no word of the host about one asking for a span is taken for another.
 * Method: the init's own code on the host; probes have an instance end, or ask, and no channel.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';

const dir = mkdtempSync(join(tmpdir(), 'hotplane-ends-'));
const probeOf = (name: string): string => join(dir, name);
/** In their place are the probes' own. */
const OTHERS = ['main.c', 'channel.c'];

function sourcesIn(folder: string): string[] {
  const names = readdirSync(join(PROJECT_ROOT, folder)).filter((name) => name.endsWith('.c'));
  return names
    .filter((name) => !OTHERS.includes(name))
    .map((name) => join(PROJECT_ROOT, folder, name));
}

test.before(() => {
  const flags =
    '-std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined ' +
    '-fno-sanitize-recover=all';
  const stub = join(PROJECT_ROOT, 'test/guest/c/channel_stub.c');
  const sources = [stub, ...sourcesIn('guest/init'), ...sourcesIn('guest/common')];
  for (const name of ['ends_probe', 'askings_probe']) {
    const source = join(PROJECT_ROOT, `test/guest/c/${name}.c`);
    execFileSync('gcc', [...flags.split(' '), '-o', probeOf(name), source, ...sources]);
  }
});

test.after.always(() => rmSync(dir, { recursive: true, force: true }));

/** What the host is told, without when. */
function heardOf(name: string, ...words: readonly string[]): unknown[] {
  const lines = execFileSync(probeOf(name), words).toString().split('\n').slice(0, -1);
  return lines.map((line) => {
    const { at_ms: _, ...message } = JSON.parse(line);
    return message;
  });
}

const told = (how: 'full' | 'free' | 'idle' | 'parted' | 'read' | 'unread'): unknown[] =>
  heardOf('ends_probe', how);

const EXIT = { type: 'exit', instance: 'i1', status: 3, signal: null, reason: 'exited' };
const NONE = {
  id: 8,
  ok: false,
  code: 'no-such-instance',
  message: 'no living instance of this name',
};

for (const how of ['free', 'full'] as const) {
  test(`an answer that its program wrote before its end is told before that: ${how}`, (t) => {
    const chunks = Array.from({ length: 5 }, () => ({ type: 'chunk', of: 7 }));
    const answer = { id: 7, ok: true, result: {} };
    t.deepEqual(told(how), [...chunks, answer, { ...EXIT, ran: 'q7' }, NONE]);
  });
}

test('the end of a program that was asked for nothing says so', (t) => {
  t.deepEqual(told('idle'), [{ ...EXIT, ran: null }, NONE]);
});

test('a program that ended before it had read its call is told not to have got it', (t) => {
  const failed = { id: 7, ok: false, message: 'exited' };
  const not_taken = { ...failed, code: 'not-taken' };
  t.deepEqual(told('unread'), [{ ...EXIT, ran: null }, not_taken, NONE]);
  const had_it = { ...failed, code: 'instance-failed' };
  t.deepEqual(told('read'), [{ ...EXIT, ran: 'q7' }, had_it, NONE]);
});

test('of a call that came in several lines nobody says that its program did not get it', (t) => {
  const failed = { id: 7, ok: false, code: 'instance-failed', message: 'exited' };
  t.deepEqual(told('parted'), [{ ...EXIT, ran: 'q7' }, failed, NONE]);
});

test('an answer to one asking for a span is not for another', (t) => {
  const asked = { type: 'span', instance: 'i1', span: 'data', state: 'asked', bytes: 4096 };
  const message = 'the instance asks for no such span';
  const refused = { ok: false, code: 'no-such-span', message };
  const taken = { ok: true, result: {} };
  t.deepEqual(heardOf('askings_probe'), [
    { ...asked, serial: 1 },
    { id: 11, ...refused },
    { id: 12, ...taken },
    { ...asked, serial: 2 },
    { id: 13, ...refused },
    { id: 14, ...taken },
  ]);
});
