/**
 * Runs one tool of a build: in a process group of its own, output to a log, lines to a callback.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { toolEnvironment } from '../base/tool-environment.ts';
import { imageError } from './errors.ts';

export interface RunOptions {
  readonly cwd: string;
  readonly log_path: string;
  /** Beside what every tool is given (base/tool-environment.ts). */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Kept open by the tool as long as it lives (see lock.ts). */
  readonly lock_fd?: number;
}

const LAST_LINES = 15;
const KILL_AFTER_MS = 3_000;

/**
 * Resolves when the tool ended with 0. Throws HP_IMAGE_TOOL_MISSING, HP_IMAGE_INTERRUPTED (the
 * whole process group is gone then) or HP_IMAGE_BUILD_FAILED with the last lines of output.
 */
export async function run(command: readonly string[], options: RunOptions): Promise<void> {
  const [tool = '', ...args] = command;
  if (options.signal?.aborted) throw interrupted(tool);
  const log = createWriteStream(options.log_path, { flags: 'a' });
  const tail: string[] = [];
  const child = spawn(tool, args, {
    cwd: options.cwd,
    env: toolEnvironment(options.env),
    stdio: ['ignore', 'pipe', 'pipe', options.lock_fd ?? 'ignore'],
    detached: true,
  });
  const take = (line: string): void => {
    log.write(`${line}\n`);
    tail.push(line);
    if (tail.length > LAST_LINES) tail.shift();
    options.onLine?.(line);
  };
  const streams = [child.stdout, child.stderr].filter((s): s is Readable => s !== null);
  for (const stream of streams) createInterface({ input: stream }).on('line', take);
  const stop = stopGroupOnAbort(child.pid, options.signal);
  try {
    const [code, killed_by] = await new Promise<[number | null, string | null]>((done, fail) => {
      child.once('error', fail);
      child.once('close', (exit_code, exit_signal) => done([exit_code, exit_signal]));
    });
    if (options.signal?.aborted) throw interrupted(tool);
    if (code !== 0) throw failed(command, code ?? killed_by, tail, options.log_path);
  } catch (error) {
    throw isMissing(error) ? toolMissing(tool, error) : error;
  } finally {
    stop();
    log.end();
    await finished(log);
  }
}

function stopGroupOnAbort(pid: number | undefined, signal: AbortSignal | undefined): () => void {
  let timer: NodeJS.Timeout | undefined;
  const kill = (name: NodeJS.Signals): void => {
    try {
      if (pid !== undefined) process.kill(-pid, name);
    } catch {
      // The group is gone already.
    }
  };
  const onAbort = (): void => {
    kill('SIGTERM');
    timer = setTimeout(() => kill('SIGKILL'), KILL_AFTER_MS);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => {
    signal?.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function toolMissing(tool: string, cause: unknown): Error {
  return imageError('HP_IMAGE_TOOL_MISSING', `The build tool ${tool} is not installed.`, {
    next:
      'Install the build tools: apt-get install gcc make flex bison bc libelf-dev cpio patch ' +
      'xz-utils.',
    cause,
  });
}

function interrupted(tool: string): Error {
  return imageError('HP_IMAGE_INTERRUPTED', `The build was interrupted while ${tool} ran.`);
}

function failed(
  command: readonly string[],
  how: number | string | null,
  tail: readonly string[],
  log_path: string,
): Error {
  return imageError(
    'HP_IMAGE_BUILD_FAILED',
    `${command.slice(0, 3).join(' ')} failed (${how}): ${tail.slice(-3).join(' | ')}`,
    {
      next: `Read ${log_path}, mend what it names, and run the same command again.`,
      details: { last_lines: [...tail] },
    },
  );
}
