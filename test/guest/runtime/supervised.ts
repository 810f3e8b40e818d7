/** The supervisor of an instance on this host, without a sandbox, in the place of the init. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { assert } from '../../../base/assert.ts';
import { hostClock } from '../../../base/clock.ts';
import { LineSplitter } from '../../../base/lines.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { waitFor } from '../../../base/wait.ts';
import { cutLine, joinLine } from '../../../guest/protocol/attached-bytes.ts';
import { PROTOCOL } from '../../../guest/protocol/constants.ts';
import { PayloadSender } from '../../../guest/protocol/payload-sender.ts';
import { ensureSupervisor } from '../../../images/rootfs/programs.ts';

export interface Answered {
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
  /** What the program's stdout had passed on before. */
  readonly written: string;
}

export interface SupervisedOptions {
  readonly interface: 'lambda' | 'http' | 'openwhisk';
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly ready_ms?: number;
  /** Its spans, NAME=BYTES with commas between them, and the socket to ask for them. */
  readonly spans?: { readonly list: string; readonly socket: string };
}

/** What the init is asked of a span. */
export interface AskedSpan {
  readonly open?: string;
  readonly close?: string;
  readonly bytes: number;
  readonly ask: number;
}

/** Folder of the programs that are supervised. */
export const PROGRAMS = join(PROJECT_ROOT, 'test/guest/runtime/programs');
/** A client of the Lambda API that answers with its payload. */
export const ECHO = {
  interface: 'lambda',
  command: [process.execPath, join(PROGRAMS, 'echo.mjs')],
} as const;

/** A host that does much else lets a program that starts wait for its turn. */
const DEADLINE_MS = 180_000;

/** A free port of loopback. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert(address !== null && typeof address === 'object', 'it listens');
  server.close();
  return address.port;
}

export class Supervised {
  readonly port: number;
  readonly answers: Answered[] = [];
  readonly asked: AskedSpan[] = [];
  /** Answers at once, where it is set. */
  onAsked: ((asked: AskedSpan) => void) | null = null;
  /** What the program wrote, by stream; and how much of it was dropped. */
  readonly output = { stdout: '', stderr: '' };
  dropped_bytes = 0;
  ready = false;
  exit: { readonly status: number | null; readonly signal: string | null } | null = null;
  /** It ended, and all that it said before was heard. */
  ended = false;
  /** Lines in which it told that payload was taken. */
  credits = 0;
  readonly #link: Duplex;
  readonly #child: ChildProcess;
  readonly #payloads: PayloadSender;
  #chunks: Buffer[] = [];
  #next = 1;

  private constructor(port: number, link: Duplex, child: ChildProcess) {
    this.port = port;
    this.#child = child;
    this.#link = link;
    this.#payloads = new PayloadSender((line) => link.write(line));
    const lines = new LineSplitter({
      limit_bytes: PROTOCOL.line_bytes,
      onBytes: (line) => this.#line(line),
      onTooLong: (start) => {
        throw new Error(`a line of the supervisor is too long: ${start}`);
      },
    });
    link.on('data', (chunk: Buffer) => lines.push(chunk)).on('error', () => undefined);
    link.on('drain', () => this.#payloads.drained());
    for (const over of ['end', 'close']) link.on(over, () => (this.ended = true));
  }

  /** Null where the library that parses HTTP is not installed. */
  static async start(t: ExecutionContext, options: SupervisedOptions): Promise<Supervised | null> {
    const program = await ensureSupervisor({});
    if (program === null) return null;
    const port = await freePort();
    const args = ['--interface', options.interface, '--port', `${port}`, '--function', 'f'];
    if (options.ready_ms !== undefined) args.push('--ready-ms', `${options.ready_ms}`);
    const { spans } = options;
    if (spans) args.push('--spans', spans.list, '--spans-socket', spans.socket);
    const child = spawn(program, [...args, '--', ...options.command], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      // Programs in Python leave no bytecode beside them.
      env: { PATH: process.env['PATH'] ?? '', PYTHONDONTWRITEBYTECODE: '1', ...options.env },
    });
    t.teardown(() => child.kill('SIGKILL'));
    const link = child.stdio[3];
    assert(link instanceof Duplex, 'a pipe of Node goes both ways');
    const supervised = new Supervised(port, link, child);
    child.on('exit', (status, signal) => {
      supervised.exit = { status, signal };
    });
    t.teardown(() => link.destroy());
    return supervised;
  }

  async until(what: () => boolean): Promise<void> {
    const done = () => (what() ? true : null);
    const is_done = await waitFor(done, { clock: hostClock, deadline_ms: DEADLINE_MS });
    assert(is_done === true, 'it came in time');
  }

  /** Holds the supervisor, while whatever comes waits for it. */
  async whileHeld(work: () => Promise<void>): Promise<void> {
    this.#child.kill('SIGSTOP');
    try {
      await work();
    } finally {
      this.#child.kill('SIGCONT');
    }
  }

  async isReady(): Promise<void> {
    await this.until(() => this.ready || this.exit !== null || this.answers.length > 0);
    assert(this.ready, `it gets ready: ${JSON.stringify(this.answers)} ${this.output.stderr}`);
  }

  /** The init's word of a span. */
  tellSpan(about: Readonly<Record<string, unknown>>): void {
    this.#link.write(`${JSON.stringify({ type: 'span', ...about })}\n`);
  }

  async invoke(
    payload: Uint8Array,
    content_type = 'application/json',
    http?: { readonly method: string; readonly path: string; readonly fields: string },
  ): Promise<Answered> {
    const id = this.#next;
    this.#next += 1;
    const about = { content_type, payload_bytes: payload.length, timeout_ms: 30_000 };
    const head = { id, type: 'invoke', instance: 'i1', request_id: `q${id}`, ...about, http };
    this.#link.write(joinLine(JSON.stringify(head), PayloadSender.first(payload)));
    this.#payloads.follow(id, payload);
    const before = this.answers.length;
    const isOver = (): boolean => this.exit !== null && this.ended;
    await this.until(() => this.answers.length > before || isOver());
    this.#payloads.forget(id);
    const answer = this.answers[before];
    assert(answer, `it answers; ended: ${JSON.stringify(this.exit)}`);
    return answer;
  }

  #line(line: Buffer): void {
    if (line.length === 0) {
      this.ready = true;
      return;
    }
    const cut = cutLine(line);
    assert(cut, 'a line of the supervisor is whole');
    const attached = cut.attached ?? Buffer.of();
    const told = JSON.parse(cut.json);
    if (told.type === 'chunk') this.#chunks.push(attached);
    else if (told.type === 'span') {
      this.asked.push(told);
      this.onAsked?.(told);
    } else if (told.type === 'credit') {
      this.credits += 1;
      this.#payloads.credit(this.#next - 1, told.bytes);
    } else if (told.type === 'log') {
      const stream: 'stdout' | 'stderr' = told.stream;
      this.output[stream] += attached.toString();
      this.dropped_bytes += told.dropped_bytes;
    } else {
      const bytes = Buffer.concat([...this.#chunks, attached]);
      this.answers.push({ ...told, bytes, written: this.output.stdout });
      this.#chunks = [];
    }
  }
}

/** One that is ready; null, with a word of it, where it cannot be built. */
export async function started(
  t: ExecutionContext,
  options: SupervisedOptions,
): Promise<Supervised | null> {
  const supervised = await Supervised.start(t, options);
  if (supervised) await supervised.isReady();
  else t.pass('no static http_parser on this host');
  return supervised;
}
