/**
 * Goal: a program of anyone asks for spans on a socket and is answered, each asking its own answer;
 * and however it behaves there, the init of its guest hears a bounded number of words.
 * Method: the supervisor runs on this host, in the place of the init is the test; the open file
 * that comes with an answer is seen in real guests alone (test/agent/program-spans.vm.test.ts).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hostClock } from '../../../base/clock.ts';
import { MIB } from '../../../base/units.ts';
import { waitFor } from '../../../base/wait.ts';
import { type Answered, PROGRAMS, started, type Supervised } from './supervised.ts';

const SERVER = join(PROGRAMS, 'server.mjs');
const ANSWER_MS = 60_000;
/** Connections that may be open (SPAN_PEERS_MAX of guest/runtime), and lines that are heard. */
const PEERS_MAX = 16;
const LINES_BURST = 64;
const LINES_PER_S = 500;
const AT_ONCE = 4;
const FLOOD_MS = 2_000;
/** More pairs of them than are heard at once. */
const LINES_AT_END = 400;
/** Of so many, some are heard of before their supervisor goes on. */
const ANSWERS = 300;

/** A program's connection to the socket. */
class Asking {
  readonly lines: string[] = [];
  readonly socket: Socket;
  is_over = false;
  #rest = '';

  constructor(path: string) {
    this.socket = createConnection(path);
    this.socket.on('data', (bytes) => {
      const parts = `${this.#rest}${bytes.toString()}`.split('\n');
      this.#rest = parts.pop() ?? '';
      this.lines.push(...parts);
    });
    this.socket.on('error', () => undefined).on('close', () => (this.is_over = true));
  }

  say(line: string): this {
    this.socket.write(`${line}\n`);
    return this;
  }

  async answer(): Promise<string | undefined> {
    const look = () => this.lines.shift() ?? (this.is_over ? '(over)' : null);
    return (await waitFor(look, { clock: hostClock, deadline_ms: ANSWER_MS })) ?? undefined;
  }
}

interface Stage {
  readonly program: Supervised;
  readonly connect: () => Asking;
  /** An invocation is under way from here on, until it is released. */
  readonly begin: () => Promise<void>;
  /** The program answers it. */
  readonly letGo: () => Promise<void>;
  readonly release: () => Promise<Answered>;
  /** That word to the init, once there is it; from 1. */
  readonly heard: (count: number) => Promise<Supervised['asked'][number]>;
}

/** An http program with an invocation under way; null where no supervisor can be built. */
async function staged(t: ExecutionContext): Promise<Stage | null> {
  const folder = await mkdtemp(join(tmpdir(), 'hp-spans-'));
  t.teardown(async () => await rm(folder, { recursive: true }));
  const socket = join(folder, 'spans');
  const program = await started(t, {
    interface: 'http',
    command: [process.execPath, SERVER],
    spans: { list: `data=${64 * MIB},model=${2 * MIB}`, socket },
  });
  if (!program) return null;
  t.is((await program.invoke(Buffer.from('spans'))).bytes.toString(), socket, 'it is told where');
  let held: Promise<Answered> | null = null;
  const begin = async (): Promise<void> => {
    const { length } = program.output.stdout;
    held = program.invoke(Buffer.from('hold'));
    held.catch(() => undefined);
    await program.until(() => program.output.stdout.length > length);
  };
  const connect = (): Asking => {
    const asking = new Asking(socket);
    t.teardown(() => asking.socket.destroy());
    return asking;
  };
  const letGo = async (): Promise<void> => {
    await fetch(`http://127.0.0.1:${program.port}/release`);
  };
  const release = async (): Promise<Answered> => {
    await letGo();
    if (!held) throw new Error('nothing is held');
    return await held;
  };
  const heard = async (count: number) => {
    await program.until(() => program.asked.length >= count);
    return program.asked[count - 1] ?? { bytes: 0, ask: 0 };
  };
  return { program, connect, begin, letGo, release, heard };
}

test.serial(
  'a program asks for a span by name, is told what became of it, and may say how much',
  async (t) => {
    const stage = await staged(t);
    if (!stage) return;
    const { program, connect, begin, release, heard } = stage;
    const asking = connect();
    t.is(await asking.say('open data').answer(), 'refused data no invocation is under way');
    await begin();
    asking.say('open data');
    const whole = await heard(1);
    t.like(whole, { open: 'data', bytes: 64 * MIB }, 'all that the function says');
    program.tellSpan({
      span: 'data',
      ask: whole.ask,
      state: 'refused',
      message: 'CODE: no\nmemory',
    });
    t.is(await asking.answer(), 'refused data CODE: no memory');
    asking.say(`open data ${MIB}`);
    t.like(await heard(2), { open: 'data', bytes: MIB });
    const other = connect();
    t.is(await other.say('open data').answer(), 'refused data it is asked for already');
    t.is(await other.say('close data').answer(), 'refused data it is not open');
    // Nobody waits for these.
    program.tellSpan({ span: 'data', ask: whole.ask, state: 'refused', message: 'late' });
    program.tellSpan({ span: 'data', state: 'closed' });
    other.say('close model');
    const { ask } = await heard(3);
    t.like(program.asked[2], { close: 'model' });
    program.tellSpan({ span: 'model', ask, state: 'closed' });
    t.is(await other.answer(), 'closed model', 'two of them are asked for at the same time');
    t.true((await release()).ok);
    t.is(await asking.answer(), 'refused data the invocation is over');
    t.is(program.asked.length, 3);
    t.true((await program.invoke(Buffer.from('next'))).ok);
  },
);

test.serial('an open span that nobody waits for any more is closed again', async (t) => {
  const stage = await staged(t);
  if (!stage) return;
  const { program, connect, begin, heard } = stage;
  await begin();
  const gone = connect().say('open data');
  const { ask } = await heard(1);
  gone.socket.destroy();
  const next = connect();
  // It is known to be gone when a word after it was heard.
  t.regex((await next.say('what').answer()) ?? '', /^refused - say 'open NAME'/);
  program.tellSpan({ span: 'data', ask, state: 'open' });
  t.like(await heard(2), { close: 'data', ask: 0 });
  next.say('open data');
  const again = await heard(3);
  t.like(again, { open: 'data' }, 'its name is free for others');
  // What is said of the first one now is not for the second.
  program.tellSpan({ span: 'data', ask, state: 'open' });
  program.tellSpan({ span: 'data', ask: again.ask, state: 'refused', message: 'no' });
  t.is(await next.answer(), 'refused data no');
  t.is(program.asked.length, 3);
});

test.serial('what an invocation said and nobody had heard is not heard in the next', async (t) => {
  const stage = await staged(t);
  if (!stage) return;
  const { program, connect, begin, letGo, release, heard } = stage;
  await begin();
  const silent = connect();
  t.regex((await silent.say('what').answer()) ?? '', /^refused - say/);
  const many = 'open data 4096\nclose data\n'.repeat(LINES_AT_END);
  const waiting = connect().say('open data').say(many);
  await heard(1);
  const late: Asking[] = [];
  // These are not even accepted when the answer is there.
  await program.whileHeld(async () => {
    for (let i = 0; i < AT_ONCE; i++) late.push(connect().say(many));
    const gone = connect().say(many);
    const have_said = () => [...late, gone].every(({ socket }) => socket.writableLength === 0);
    await program.until(have_said);
    gone.socket.destroy();
    await letGo();
  });
  t.true((await release()).ok);
  await begin();
  t.is(await waiting.answer(), 'refused data the invocation is over');
  for (const one of [waiting, ...late]) {
    t.is(await one.answer(), 'refused - the invocation is over');
    t.is(await one.answer(), '(over)');
  }
  silent.say('open data');
  t.like(await heard(2), { open: 'data', bytes: 64 * MIB }, 'the first that is heard');
  t.true((await release()).ok);
  t.is(program.asked.length, 2);
});

test.serial('what is said after an answer is not of the invocation that is over', async (t) => {
  const stage = await staged(t);
  if (!stage) return;
  const { program, connect } = stage;
  for (let i = 0; i < ANSWERS; i++) {
    t.true((await program.invoke(Buffer.from('next'))).ok);
    const asking = connect().say('open data');
    t.is(await asking.answer(), 'refused data no invocation is under way');
    asking.socket.destroy();
  }
});

test.serial('what is said between two invocations is not heard in the second', async (t) => {
  const stage = await staged(t);
  if (!stage) return;
  const { program, connect, begin, release, heard } = stage;
  const known = connect();
  t.is(await known.say('open data').answer(), 'refused data no invocation is under way');
  const begun: Promise<void>[] = [];
  await program.whileHeld(async () => {
    // The supervisor is told of the second, and the program not yet.
    begun.push(begin());
    known.say('open data');
    const late = connect().say('open data');
    await program.until(() => [known, late].every(({ socket }) => socket.writableLength === 0));
  });
  await Promise.all(begun);
  const asking = connect().say('open model');
  t.like(await heard(1), { open: 'model' }, 'the first that is heard');
  t.is(await known.answer(), 'refused - no invocation is under way');
  t.is(await known.answer(), '(over)');
  t.true((await release()).ok);
  t.is(await asking.answer(), 'refused model the invocation is over');
  t.is(program.asked.length, 1);
});

const MEANINGLESS = [
  '',
  ' ',
  'open',
  'close',
  'OPEN data',
  'open data 64MiB',
  'open data 0',
  'open data -1',
  'open data 99999999999999999999999',
  'open data 4096 4096',
  'close data 4096',
  'open other',
  'close ../data',
  '{"type":"span","open":"data","bytes":4096}',
  '{"ok":true,"result":{}}',
  'open \0data',
  '\u00ff\r\t',
  'x'.repeat(127),
];

test.serial('a line that means nothing is refused, and the next one is heard', async (t) => {
  const stage = await staged(t);
  if (!stage) return;
  const { program, connect, begin, release, heard } = stage;
  await begin();
  const asking = connect();
  for (const line of MEANINGLESS) {
    t.regex((await asking.say(line).answer()) ?? '', /^refused /, JSON.stringify(line));
  }
  t.is(program.asked.length, 0, 'the init is asked nothing');
  t.is(await connect().say('x'.repeat(10_000)).answer(), 'refused - a line is too long');
  const endless = connect();
  endless.socket.write('x'.repeat(1_000));
  t.is(await endless.answer(), 'refused - a line is too long');
  t.is(await endless.answer(), '(over)');
  asking.say('close data');
  t.like(await heard(1), { close: 'data' });
  t.true((await release()).ok);
});

test.serial(
  'however fast a program asks, and by how many ways, its init hears little',
  async (t) => {
    const stage = await staged(t);
    if (!stage) return;
    const { program, connect, begin, release } = stage;
    await begin();
    const text = 'open data 4096\nclose data\nopen model\nclose model\n'.repeat(250);
    program.onAsked = ({ open, close, ask }) => {
      program.tellSpan({ span: open ?? close, ask, state: 'refused', message: 'no' });
    };
    const ways = Array.from({ length: PEERS_MAX }, connect);
    let said = 0;
    // Before the first word: one that is held up meanwhile is heard all the same.
    const begun_ms = hostClock.nowMs();
    for (const { socket } of ways) {
      const more = (): void => {
        while (!socket.destroyed && socket.write(text)) said += 1_000;
        said += 1_000;
      };
      socket.on('drain', more);
      more();
    }
    await hostClock.sleep(FLOOD_MS);
    // It has its turns of a busy host, too.
    await program.until(() => program.asked.length > LINES_BURST);
    const took_ms = hostClock.nowMs() - begun_ms;
    const { length } = program.asked;
    t.log(`${said} lines in ${Math.round(took_ms)} ms, the init heard ${length}`);
    t.true(said > 10_000);
    t.true(length > LINES_BURST && length <= LINES_BURST + (took_ms / 1_000) * LINES_PER_S);
    for (const { socket } of ways) socket.destroy();
    t.true((await release()).ok, 'the invocation is answered all the same');
  },
);

test.serial(
  'of a thousand connections the silent ones make room, those that wait do not',
  async (t) => {
    const stage = await staged(t);
    if (!stage) return;
    const { program, connect, begin, release, heard } = stage;
    await begin();
    const waiting = connect().say('open data');
    const { ask } = await heard(1);
    const silent: Asking[] = [];
    while (silent.length < 1_000) {
      // Not more than may wait to be accepted: the kernel turns others away by itself.
      const some = Array.from({ length: AT_ONCE }, connect);
      silent.push(...some);
      await program.until(() => some.every(({ socket, is_over }) => !socket.connecting || is_over));
      // A word that is answered was heard after all who came before.
      t.regex((await connect().say('what').answer()) ?? '', /^refused - say/);
    }
    const last = connect();
    t.regex((await last.say('what').answer()) ?? '', /^refused - say/);
    await program.until(() => silent.filter(({ is_over }) => is_over).length > 1_000 - PEERS_MAX);
    program.tellSpan({ span: 'data', ask, state: 'refused', message: 'no' });
    t.is(await waiting.answer(), 'refused data no');
    t.true((await release()).ok);
  },
);

test.serial('one that takes no answers is let go, and others are heard', async (t) => {
  const stage = await staged(t);
  if (!stage) return;
  const { connect, begin } = stage;
  await begin();
  const deaf = connect();
  deaf.socket.pause();
  deaf.socket.write('what\n'.repeat(20_000));
  const asking = connect();
  while (!deaf.is_over) {
    t.regex((await asking.say('what').answer()) ?? '', /^refused - say/);
    deaf.socket.write('what\n');
  }
});
