/**
 * Goal: what one invocation leaves behind is not for the next one of the same instance.
 * Method: that of runtime.test.ts.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { type Answered, ECHO, PROGRAMS, started, type Supervised } from './supervised.ts';

/** Connections that calls leave, more than there may be (PEERS_MAX of guest/runtime/lambda.c). */
const LEFT = 40;
/** As many as there may be, with that of the program's own client. */
const KEPT = 15;
/** Idle connections of a program's are closed a little later. */
const IDLE_MS = 2_000;
const TRIES = 20;
/** What a program answers that is asked for its connection. */
const OWN = /^\d+$/;
const TALKATIVE = {
  interface: 'http',
  command: ['python3', join(PROGRAMS, 'talkative.py')],
} as const;

async function asked(program: Supervised, method: string, path: string): Promise<Answered> {
  const fields = 'Host: talkative\r\n';
  return await program.invoke(Buffer.of(), '', { method, path, fields });
}

/** Which of its connections the program was asked on. */
async function connection(program: Supervised): Promise<string> {
  const { bytes, message = '' } = await asked(program, 'GET', '/');
  return `${bytes.toString()}${message}`;
}

test.serial('a container program is asked on one connection while it is asked', async (t) => {
  const program = await started(t, TALKATIVE);
  if (!program) return;
  // A host that does much else may take its time between the two.
  let is_kept = false;
  for (let count = 0; count < TRIES && !is_kept; count += 1) {
    is_kept = (await connection(program)) === (await connection(program));
  }
  t.true(is_kept);
});

test.serial('what a container program says unasked is not the answer of the next', async (t) => {
  const program = await started(t, TALKATIVE);
  if (!program) return;
  t.regex(await connection(program), OWN);
  t.is((await asked(program, 'GET', '/late')).bytes.toString(), 'own');
  await program.until(() => program.output.stdout.includes('said'));
  t.regex(await connection(program), OWN, 'said while nobody asked');
  t.is((await asked(program, 'GET', '/behind')).bytes.toString(), 'own');
  t.regex(await connection(program), OWN, 'said in one breath with its answer');
});

test.serial('a body that a program sends to HEAD is not the answer of the next', async (t) => {
  const program = await started(t, TALKATIVE);
  if (!program) return;
  t.like(await asked(program, 'HEAD', '/'), { ok: true, result: { status: 200 } });
  t.regex(await connection(program), OWN);
});

test.serial(
  'a connection that its program is about to close is not for the next call',
  async (t) => {
    const program = await started(t, TALKATIVE);
    if (!program) return;
    t.is((await asked(program, 'GET', '/idle')).bytes.toString(), 'own');
    await sleep(IDLE_MS);
    t.regex(await connection(program), OWN);
  },
);

test.serial('an error of the start, told after it, is not the answer of the next', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  t.true((await program.invoke(Buffer.from('{}'))).ok);
  const path = `http://127.0.0.1:${program.port}/2018-06-01/runtime/init/error`;
  const { status } = await fetch(path, { method: 'POST', body: '{}' });
  const next = await program.invoke(Buffer.from('{}'));
  t.like(next, { ok: true, bytes: Buffer.from('{}') });
  t.deepEqual([status, program.answers.length], [403, 2]);
});

/** A connection of a client's that is kept, and how often it was answered. */
function kept(t: ExecutionContext, program: Supervised) {
  const socket = connect(program.port, '127.0.0.1').on('error', () => undefined);
  t.teardown(() => socket.destroy());
  let heard = '';
  socket.on('data', (bytes) => (heard += bytes.toString()));
  return {
    socket,
    ask: () => void socket.write('GET /2018-06-01/runtime/none HTTP/1.1\r\n\r\n'),
    answers: () => heard.split('404 Not Found').length - 1,
  };
}

test.serial('a kept connection on which was asked makes no room for the next', async (t) => {
  const program = await started(t, ECHO);
  if (!program) return;
  const all: ReturnType<typeof kept>[] = [];
  for (let count = 0; count < KEPT; count += 1) {
    const one = kept(t, program);
    one.ask();
    await program.until(() => one.answers() === 1);
    all.push(one);
  }
  const [oldest] = all;
  const next = kept(t, program);
  await program.whileHeld(async () => {
    oldest?.ask();
    next.ask();
    await program.until(() => !next.socket.connecting && next.socket.writableLength === 0);
  });
  await program.until(() => oldest?.socket.closed || oldest?.answers() === 2);
  await program.until(() => next.socket.closed || next.answers() === 1);
  t.deepEqual([oldest?.answers(), next.answers()], [2, 1]);
});

test.serial(
  'connections that calls have left open do not keep the next from its client',
  async (t) => {
    const program = await started(t, ECHO);
    if (!program) return;
    for (let count = 1; count <= LEFT; count += 1) {
      const left = connect(program.port, '127.0.0.1').on('error', () => undefined);
      t.teardown(() => left.destroy());
      let heard = '';
      left.on('data', (bytes) => (heard += bytes.toString()));
      left.write('GET /2018-06-01/runtime/none HTTP/1.1\r\n\r\n');
      await program.until(() => left.closed || heard.includes('404 Not Found'));
      t.false(left.closed, `connection ${count} is served`);
      t.true((await program.invoke(Buffer.from('{}'))).ok);
    }
  },
);
