/** `hotplane kernel check`, without the command line around it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestArch } from '../../base/guest-arch.ts';
import { hostClock } from '../../base/clock.ts';
import { newOwnedFolder } from '../../base/owned-folder.ts';
import { cacheDir, PROJECT_ROOT, runtimeDir } from '../../base/paths.ts';
import { createProgress, type Progress, type ProgressStream } from '../../base/progress.ts';
import { translated } from '../../base/system-error.ts';
import { findGivenKernels, type GivenKernels } from '../../images/given-kernel.ts';
import { badOption, checkInterrupted } from '../errors.ts';
import { type CheckTools, runCheck } from './check.ts';
import { junitOf } from './junit.ts';
import { ktapHead, ktapStep, ktapTail } from './ktap.ts';
import { CHECK_STEPS, type CheckResult, type CheckSubject } from './records.ts';
import { openCheckTools, type ToolOptions } from './tools.ts';

export interface CheckCommand {
  /** A kernel source: a folder or a tarball. Only read. */
  readonly tree: string;
  /** A folder with patches; null: the series of this project. */
  readonly series: string | null;
  readonly config_path: string | null;
  readonly arch: GuestArch;
  /** Names of cases, separated by commas; null: all. */
  readonly cases: string | null;
  readonly jobs: number | null;
  /** Null: the costs are not counted. */
  readonly bound_percent: number | null;
  readonly junit_path: string | null;
  readonly json: boolean;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
  /** Default: base/paths.ts. */
  readonly cache_dir?: string;
  /** Default: the image cache and VMs. */
  readonly openTools?: (options: ToolOptions) => Promise<CheckTools>;
}

/** Returns the exit code; a result is told on standard output, whatever it is. */
export async function runCheckCommand(input: CheckCommand): Promise<number> {
  const { signal, json, stdout } = input;
  const cache_dir = input.cache_dir ?? cacheDir();
  const cases = casesOf(input.cases);
  const progress = createProgress({ stream: input.stderr });
  const series_dir = input.series ?? join(PROJECT_ROOT, 'guest-kernel-patches');
  progress.done(`looks at ${input.tree}`);
  const given = {
    tree: input.tree,
    series_dir,
    config_path: input.config_path,
    cache_dir,
    arch: input.arch,
  };
  const kernels = await findGivenKernels(given).catch((error: unknown) => {
    throw translated(error);
  });
  const subject = subjectOf(kernels, series_dir);
  const owned = await newOwnedFolder(runtimeDir(), 'kernel');
  try {
    const options = { kernels, cache_dir, parent_dir: owned.path, progress, cases, signal };
    const jobs = input.jobs === null ? {} : { jobs: input.jobs };
    const tools = await (input.openTools ?? openCheckTools)({ ...options, ...jobs });
    if (!json) stdout.write(ktapHead(subject));
    const result = await follow(input, { tools, subject, progress });
    if (json) stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    else stdout.write(ktapTail(result));
    if (input.junit_path !== null) await writeJunit(input.junit_path, result);
    return result.exit_code;
  } finally {
    await owned.remove();
  }
}

async function follow(
  { json, stdout, signal, bound_percent }: CheckCommand,
  {
    tools,
    subject,
    progress,
  }: { readonly tools: CheckTools; readonly subject: CheckSubject; readonly progress: Progress },
): Promise<CheckResult> {
  try {
    return await runCheck({
      tools,
      subject,
      bound_percent,
      clock: hostClock,
      onBegin: (name, index) =>
        progress.step(index + 1, CHECK_STEPS.length, name.replaceAll('_', ' ')),
      onStep: (step, index) => {
        progress.done(`${step.name.replaceAll('_', ' ')}: ${step.outcome}`);
        if (!json) stdout.write(ktapStep(step, index));
      },
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw checkInterrupted(error);
    throw error;
  }
}

function subjectOf({ source, patched }: GivenKernels, series: string): CheckSubject {
  return {
    tree: source.path,
    commit: source.commit ?? null,
    kernel_version: null,
    series,
    series_revision: patched.series_revision,
    patches: patched.patches.map(({ name }) => name),
  };
}

const CASE_NAME = /^[a-z][a-z0-9_]*$/;

function casesOf(text: string | null): readonly string[] {
  if (text === null) return [];
  const names = text.split(',');
  const wrong = names.find((name) => !CASE_NAME.test(name));
  if (wrong === undefined) return names;
  throw badOption('cases', `'${wrong}' is no name of a case`, 'kernel check');
}

async function writeJunit(path: string, result: CheckResult): Promise<void> {
  await writeFile(path, junitOf(result)).catch((error: unknown) => {
    throw translated(error, { hint: '--junit names the file.' });
  });
}
