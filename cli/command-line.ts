/** The command line: finds the command, runs it, turns its end into an exit code. */
import { hostClock } from '../base/clock.ts';
import { describeError, EXIT_CODES, type HotplaneError, isHotplaneError } from '../base/errors.ts';
import { cliError } from './errors.ts';
import { CLI_LIMITS } from './limits.ts';
import { processOutputs } from '../base/output.ts';
import { codeOf, translated } from '../base/system-error.ts';
import { printable } from '../base/printable.ts';
import { COMMANDS } from './commands.ts';
import type { ProgressStream } from '../base/progress.ts';
import type { Command } from './command.ts';
import { outputLost } from './errors.ts';
import { commandHelp, groupHelp, overview } from './help.ts';
import { type Parsed, parseCommandLine } from './parse.ts';
import { watchProcessEnd } from './process-end.ts';
import { readVersion } from '../base/version.ts';

export interface MainIo {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  /** Told which command it is before it runs. */
  readonly onCommand?: (command: Command) => void;
}

function helpText(
  { command, group }: Extract<Parsed, { kind: 'help' }>,
  commands: readonly Command[],
): string {
  if (command) return commandHelp(command);
  return group === null ? overview(commands) : groupHelp(group, commands);
}

/** Characters of one error shown to people. */
const ERROR_CHARS = 8_192;

/** Runs one command line and returns its exit code. Never throws. */
export async function main(
  argv: readonly string[],
  io: MainIo,
  commands: readonly Command[] = COMMANDS,
): Promise<number> {
  try {
    const parsed = parseCommandLine(argv, commands);
    if (parsed.kind === 'help') {
      io.stdout.write(helpText(parsed, commands));
      return EXIT_CODES.ok;
    }
    if (parsed.kind === 'version') {
      io.stdout.write(`hotplane ${await readVersion()}\n`);
      return EXIT_CODES.ok;
    }
    const { command, values, positionals } = parsed;
    const { stdout, stderr, signal } = io;
    io.onCommand?.(command);
    return (await command.run({ values, positionals, argv, stdout, stderr, signal })) ?? 0;
  } catch (error) {
    // Whoever ended it knows: what waits throws the abort itself.
    if (io.signal.aborted && codeOf(error) === 'ABORT_ERR') return EXIT_CODES.interrupted;
    return reportError(translated(error), io, argv.includes('--json'));
  }
}

/** An error nobody foresaw, for programs: one code, and the stack with HOTPLANE_DEBUG=1. */
function bugOf(error: unknown): HotplaneError {
  return cliError('HP_BUG', printable(describeError(error), ERROR_CHARS), { cause: error });
}

function reportError(error: unknown, io: Pick<MainIo, 'stderr' | 'env'>, json: boolean): number {
  const ours = isHotplaneError(error);
  if (json) {
    const { code, category, message, next, details } = ours ? error : bugOf(error);
    io.stderr.write(`${JSON.stringify({ error: { code, category, message, next, details } })}\n`);
  } else {
    io.stderr.write(`hotplane: ${printable(describeError(error), ERROR_CHARS)}\n`);
  }
  const stack = error instanceof Error ? error.stack : undefined;
  // To people a bug always shows where it is; all else only when asked.
  if (stack && ((!ours && !json) || io.env['HOTPLANE_DEBUG'] === '1'))
    io.stderr.write(`${stack}\n`);
  return EXIT_CODES[ours ? error.category : 'failure'];
}

/**
 * This process from its command line to its end. Output that is lost is an error; a reader that
 * went away is none, and a service does not live by what it prints.
 */
export async function runProcess(
  argv: readonly string[],
  commands: readonly Command[] = COMMANDS,
): Promise<never> {
  const { stdout, stderr } = processOutputs();
  const { env } = process;
  let command: Command | null = null;
  const io = { stdout, stderr, env, onCommand: (found: Command) => void (command = found) };
  const isService = (): boolean => command?.is_service === true;
  const end = watchProcessEnd({
    env,
    heedsHangup: () => !isService(),
    tell: (line) => stderr.write(`${line}\n`),
    tellCrash: (error) => void reportError(error, { stderr, env }, argv.includes('--json')),
  });
  const { signal } = end;
  let code = await main(argv, { ...io, signal }, commands);
  if (end.crashed()) code = EXIT_CODES.failure;
  await end.cleanUp();
  await stdout.flush(hostClock, signal.aborted ? CLI_LIMITS.output_flush_ms : Infinity, signal);
  if (stdout.error && code === EXIT_CODES.ok && !isService()) {
    code = reportError(outputLost(stdout.error), io, argv.includes('--json'));
  }
  await stderr.flush(hostClock, CLI_LIMITS.output_flush_ms);
  stderr.tellLost();
  await stderr.flush(hostClock, CLI_LIMITS.output_flush_ms);
  process.exit(code);
}
