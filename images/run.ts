/**
 * Runs one tool of a build: in a process group of its own, output to a log, lines to a callback.
 */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { runTool, type ToolEnd } from '../base/run-tool.ts';
import { errnoOf } from '../base/system-error.ts';
import { toolEnvironment } from '../base/tool-environment.ts';
import { formatMs, MIB } from '../base/units.ts';
import { imageError } from './errors.ts';
import { IMAGE_LIMITS } from './limits.ts';

export interface RunOptions {
  readonly cwd: string;
  readonly log_path: string;
  /** Beside what every tool is given (base/tool-environment.ts). */
  readonly env?: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
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
  const [tool = ''] = command;
  const log = createWriteStream(options.log_path, { flags: 'a' });
  const written = finished(log);
  // A disk may be full at any line; it is told when the tool has ended.
  written.catch(() => undefined);
  const tail: string[] = [];
  const onLine = (line: string): void => {
    log.write(`${line}\n`);
    tail.push(line);
    if (tail.length > LAST_LINES) tail.shift();
    options.onLine?.(line);
  };
  try {
    const end = await runTool({
      command,
      onLine,
      env: toolEnvironment(options.env),
      deadline_ms: IMAGE_LIMITS.build_tool_ms,
      output_bytes: IMAGE_LIMITS.build_output_bytes,
      grace_ms: KILL_AFTER_MS,
      cwd: options.cwd,
      signal: options.signal,
      kept_fd: options.lock_fd,
    });
    // One that ended at the moment of an abort may have been ended by it.
    if (options.signal?.aborted) throw interrupted(tool);
    const how = troubleOf(end);
    if (how !== null) throw failed(command, how, tail, options.log_path);
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? toolMissing(tool, error) : error;
  } finally {
    log.end();
    await written;
  }
}

/** What was wrong with the end of a tool; null when it did its work. */
function troubleOf(end: ToolEnd): number | string | null {
  if (end.how === 'ended') return end.code === 0 ? null : (end.code ?? end.signal);
  if (end.how === 'late') return `not done after ${formatMs(IMAGE_LIMITS.build_tool_ms)}`;
  return `it said more than ${IMAGE_LIMITS.build_output_bytes / MIB} MiB`;
}

function toolMissing(tool: string, cause: unknown): Error {
  return imageError('HP_IMAGE_TOOL_MISSING', `The build tool ${tool} is not installed.`, {
    next:
      'Install the build tools: apt-get install gcc make flex bison bc libelf-dev cpio patch ' +
      'xz-utils erofs-utils fakeroot.',
    cause,
  });
}

function interrupted(tool: string): Error {
  return imageError('HP_IMAGE_INTERRUPTED', `The build was interrupted while ${tool} ran.`);
}

function failed(
  command: readonly string[],
  how: number | string,
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
