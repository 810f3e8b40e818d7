/** Runs one stage of `npm test`: passes on what it says, counts it, and ends it in time. */
import { createInterface } from 'node:readline';
import { delimiter, join } from 'node:path';
import { execa, type Options } from 'execa';
import { PROJECT_ROOT } from '../base/paths.ts';
import { formatMs } from '../base/units.ts';
import { tallyTapLine, emptyTally, type Tally } from './tap.ts';
import type { Stage } from './stages.ts';

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

/**
 * Resolves to what the stage adds to the tally. One that takes longer than `left_ms` is ended and
 * has failed, as has one that ends badly or tests nothing without saying what failed.
 */
export async function runStage(stage: Stage, left_ms: number, tell = toStdout): Promise<Tally> {
  const [command, ...args] = stage.command;
  const is_tap = stage.kind === 'tap';
  const child = execa(command, args, {
    cwd: PROJECT_ROOT,
    env: environment(stage),
    extendEnv: false,
    stdio: [is_tap ? 'ignore' : 'inherit', is_tap ? 'pipe' : 'inherit', 'inherit'],
    buffer: false,
    reject: false,
    ...bounds(left_ms),
  });
  let tally = emptyTally();
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      tell(`${line}\n`);
      tally = tallyTapLine(tally, line);
    }
  }
  const { exitCode, timedOut, code } = await child;
  if (exitCode === undefined && !timedOut)
    process.stderr.write(
      `${stage.name}: ${command} did not run to its end: ${code ?? 'a signal'}\n`,
    );
  if (timedOut) tell(`== ${stage.name}: ended after ${formatMs(left_ms)}\n`);
  const is_bad = exitCode !== 0 || (is_tap && tally.passed === 0);
  if (!is_tap) return is_bad ? { passed: 0, failed: 1 } : { passed: 1, failed: 0 };
  return is_bad && tally.failed === 0 ? { passed: tally.passed, failed: 1 } : tally;
}
