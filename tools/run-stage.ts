/** Runs one stage of `npm test`: passes on what it says, counts it, and ends it in time. */
import { createInterface } from 'node:readline';
import { delimiter, join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa, type Options } from 'execa';
import { PROJECT_ROOT } from '../base/paths.ts';
import { formatMs } from '../base/units.ts';
import { tallyTapLine, emptyTally, type Tally } from './tap.ts';
import type { Stage } from './stages.ts';
import { type Failure, OutputEnds, TapFailures } from './told-failures.ts';

export interface StageResult extends Tally {
  readonly failures: readonly Failure[];
}

/** Between SIGTERM and SIGKILL of a stage that is late. */
const GRACE_MS = 10_000;

/** The tests start hundreds of processes; each finds its sources compiled. */
function environment(stage: Stage): NodeJS.ProcessEnv {
  const bin = join(PROJECT_ROOT, 'node_modules', '.bin');
  return {
    NODE_COMPILE_CACHE: join(PROJECT_ROOT, 'node_modules', '.cache', 'node'),
    ...process.env,
    PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    ...stage.env,
  };
}

/** A bounded stage has no terminal to be interrupted from: all that it started is ended with it. */
const bounds = (left_ms: number): Options =>
  left_ms === Infinity
    ? {}
    : {
        timeout: Math.max(1, Math.floor(left_ms)),
        forceKillAfterDelay: GRACE_MS,
        killDescendants: true,
      };

const toStdout = (text: string): void => void process.stdout.write(text);

/** What is read of a child is passed on as well; a terminal stays one for what looks good on it. */
const readOf = (stream: NodeJS.WriteStream): 'inherit' | ['inherit', 'pipe'] =>
  stream.isTTY ? 'inherit' : ['inherit', 'pipe'];

async function eachLine(input: Readable | null, take: (line: string) => void): Promise<void> {
  if (input) for await (const line of createInterface({ input })) take(line);
}

/**
 * Resolves to what the stage adds to the tally. One that takes longer than `left_ms` is ended and
 * has failed, as has one that ends badly or tests nothing without saying what failed.
 */
export async function runStage(
  stage: Stage,
  left_ms: number,
  tell = toStdout,
): Promise<StageResult> {
  const [command, ...args] = stage.command;
  const is_tap = stage.kind === 'tap';
  const child = execa(command, args, {
    cwd: PROJECT_ROOT,
    env: environment(stage),
    extendEnv: false,
    stdin: is_tap ? 'ignore' : 'inherit',
    stdout: is_tap ? 'pipe' : readOf(process.stdout),
    stderr: readOf(process.stderr),
    buffer: false,
    reject: false,
    ...bounds(left_ms),
  });
  let tally = emptyTally();
  const tap = new TapFailures();
  const ends = new OutputEnds();
  const takeTap = (line: string): void => {
    tell(`${line}\n`);
    tally = tallyTapLine(tally, line);
    tap.take(line);
  };
  const take = (line: string): void => ends.take(line);
  await Promise.all([
    eachLine(child.stdout, is_tap ? takeTap : take),
    eachLine(child.stderr, take),
  ]);
  const { exitCode, signal, timedOut, code } = await child;
  if (timedOut) tell(`== ${stage.name}: ended after ${formatMs(left_ms)}\n`);
  const is_bad = exitCode !== 0 || (is_tap && tally.passed === 0);
  if (!is_bad) return { ...(is_tap ? tally : { passed: 1, failed: 0 }), failures: tap.all };
  const how = timedOut
    ? `ended after ${formatMs(left_ms)}`
    : `${command} ended with ${exitCode ?? signal ?? code}`;
  const failed = Math.max(1, tally.failed);
  // Its own end says more only where no test did, or not all of them were told.
  const of_stage = { name: `${stage.name}: ${how}`, lines: ends.lines };
  const is_told = tally.failed > 0 && !timedOut;
  return {
    passed: is_tap ? tally.passed : 0,
    failed,
    failures: is_told ? tap.all : [...tap.all, of_stage],
  };
}
