/**
 * A program that is run for what it does and says: taken line by line, ended with its whole process
 * group at a deadline, on an abort, and when it says too much.
 */
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { assert } from './assert.ts';
import { LineSplitter } from './lines.ts';
import type { ProcessExit } from './process.ts';

export interface ToolRun {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** The whole environment (base/tool-environment.ts). */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** Told each line as it comes, without its end. What it throws ends the program and is thrown. */
  readonly onLine: (line: string, from: 'stdout' | 'stderr') => void;
  readonly deadline_ms: number;
  /** Of each of its two streams, a line without an end included. */
  readonly output_bytes: number;
  /** Between SIGTERM and SIGKILL for the group. */
  readonly grace_ms: number;
  readonly signal?: AbortSignal | undefined;
  /** Kept open by the program, as its descriptor 3, as long as it lives. */
  readonly kept_fd?: number | undefined;
}

/** How a program ended: by itself, or why it was ended. */
export type ToolEnd =
  | ({ readonly how: 'ended' } & ProcessExit)
  | { readonly how: 'aborted' | 'late' | 'said-too-much' };

/**
 * Resolves when the program and what it said are over. Rejects with the system's error (ENOENT,
 * EACCES) when it could not be started, and with what `onLine` threw.
 */
export async function runTool(run: ToolRun): Promise<ToolEnd> {
  const { command, onLine, output_bytes, kept_fd = 'ignore', signal } = run;
  const [program = '', ...parameters] = command;
  if (signal?.aborted) return { how: 'aborted' };
  assert(isKept(kept_fd), 'files have descriptors above 2');
  const child = execa(program, parameters, {
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    env: run.env,
    extendEnv: false,
    stdio: ['ignore', 'pipe', 'pipe', kept_fd],
    buffer: false,
    encoding: 'buffer',
    reject: false,
    timeout: run.deadline_ms,
    forceKillAfterDelay: run.grace_ms,
    killDescendants: true,
    ...(signal ? { cancelSignal: signal } : {}),
  });
  const ended = (async () => await child)();
  if (child.pid === undefined) throw (await ended).cause;
  const read = async (stream: Readable, from: 'stdout' | 'stderr'): Promise<void> => {
    try {
      await readLines(stream, output_bytes, (line) => onLine(line, from));
    } catch (error) {
      child.kill();
      throw error;
    }
  };
  const reads = await Promise.allSettled([
    read(child.stdout, 'stdout'),
    read(child.stderr, 'stderr'),
  ]);
  const { isCanceled, timedOut, exitCode, signal: killed_by } = await ended;
  if (isCanceled) return { how: 'aborted' };
  if (timedOut) return { how: 'late' };
  const broken = reads.find((one) => one.status === 'rejected');
  if (broken?.reason instanceof TooMuch) return { how: 'said-too-much' };
  if (broken) throw broken.reason;
  return { how: 'ended', code: exitCode ?? null, signal: killed_by ?? null };
}

/** execa types descriptors as 3 to 9; it takes every open one. */
const isKept = (fd: number | 'ignore'): fd is 3 | 'ignore' => fd === 'ignore' || fd > 2;

class TooMuch extends Error {}

async function readLines(
  stream: Readable,
  limit_bytes: number,
  onLine: (line: string) => void,
): Promise<void> {
  const tooMuch = (): never => {
    throw new TooMuch(`more than ${limit_bytes} bytes`);
  };
  const lines = new LineSplitter({ limit_bytes, onLine, onTooLong: tooMuch });
  let said_bytes = 0;
  for await (const chunk of stream) {
    assert(chunk instanceof Uint8Array, 'a stream without an encoding has bytes');
    said_bytes += chunk.length;
    if (said_bytes > limit_bytes) tooMuch();
    lines.push(chunk);
  }
  lines.end();
}
