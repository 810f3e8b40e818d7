/** The command line: finds the command, runs it, turns its end into an exit code. */
import { describeError, EXIT_CODES, isHotplaneError } from '../base/errors.ts';
import { COMMANDS } from './commands.ts';
import type { OutputStream } from './command.ts';
import { commandHelp, overview } from './help.ts';
import { parseCommandLine } from './parse.ts';
import { readVersion } from './version.ts';

export interface MainIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
}

/** Runs one command line and returns its exit code. Never throws. */
export async function main(argv: readonly string[], io: MainIo): Promise<number> {
  try {
    const parsed = parseCommandLine(argv, COMMANDS);
    if (parsed.kind === 'help') {
      const { command } = parsed;
      io.stdout.write(command ? commandHelp(command) : overview(COMMANDS));
      return EXIT_CODES.ok;
    }
    if (parsed.kind === 'version') {
      io.stdout.write(`hotplane ${await readVersion()}\n`);
      return EXIT_CODES.ok;
    }
    const { command, values, positionals } = parsed;
    const { stdout, stderr, signal } = io;
    return (await command.run({ values, positionals, argv, stdout, stderr, signal })) ?? 0;
  } catch (error) {
    return reportError(error, io, argv.includes('--json'));
  }
}

function reportError(error: unknown, io: MainIo, json: boolean): number {
  const ours = isHotplaneError(error);
  if (json && ours) {
    const { code, category, message, next, details } = error;
    io.stderr.write(`${JSON.stringify({ error: { code, category, message, next, details } })}\n`);
  } else {
    io.stderr.write(`hotplane: ${describeError(error)}\n`);
  }
  const stack = error instanceof Error ? error.stack : undefined;
  // A bug always shows where it is; an error we foresaw only when asked.
  if (stack && (!ours || io.env['HOTPLANE_DEBUG'] === '1')) io.stderr.write(`${stack}\n`);
  return EXIT_CODES[ours ? error.category : 'failure'];
}

/** One abort for all signals that ask us to end; the reason is the signal's name. */
function signalOfProcess(): AbortSignal {
  const abort = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => abort.abort(name));
  }
  return abort.signal;
}

if (import.meta.main) {
  const { stdout, stderr, env } = process;
  // A reader that goes away (`| head`) is no error.
  stdout.on('error', () => process.exit(EXIT_CODES.ok));
  process.exitCode = await main(process.argv.slice(2), {
    stdout,
    stderr,
    env,
    signal: signalOfProcess(),
  });
}
