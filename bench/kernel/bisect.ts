/** `hotplane kernel bisect`, without the command line around it: a line for each patch. */
import { join } from 'node:path';
import { execa } from 'execa';
import type { GuestArch } from '../../base/guest-arch.ts';
import { newOwnedFolder } from '../../base/owned-folder.ts';
import { cacheDir, PROJECT_ROOT, runtimeDir } from '../../base/paths.ts';
import { printable } from '../../base/printable.ts';
import { createProgress, type ProgressStream } from '../../base/progress.ts';
import { translated } from '../../base/system-error.ts';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { formatMs } from '../../base/units.ts';
import { findGivenKernels } from '../../images/given-kernel.ts';
import { buildEachPatch, type PatchBuild } from '../../images/kernel/each-patch.ts';
import { badOption, checkInterrupted } from '../errors.ts';
import type { BootFinding } from './check.ts';
import { CHECK_EXIT_CODES } from './records.ts';
import { openBoot } from './tools.ts';

export interface BisectCommand {
  /** A kernel source: a folder or a tarball. Only read. */
  readonly tree: string;
  /** A folder with patches; null: the series of this project. */
  readonly series: string | null;
  readonly config_path: string | null;
  readonly arch: GuestArch;
  /** Only what a patch touches is compiled, and nothing booted. */
  readonly objects_only: boolean;
  /** The first patch that is built, counted from 1. */
  readonly from: number;
  readonly jobs: number | null;
  readonly json: boolean;
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
  /** Default: base/paths.ts. */
  readonly cache_dir?: string;
  /** Default: a VM. */
  readonly boot?: (image_path: string) => Promise<BootFinding>;
}

/** One patch, as `--json` prints it. */
interface PatchResult extends Omit<PatchBuild, 'image_path' | 'outcome'> {
  readonly outcome: PatchBuild['outcome'] | 'booted' | 'not-booted';
}

/** Exit code of the first patch that failed. */
const EXIT_OF: Readonly<Record<PatchResult['outcome'], number>> = {
  applied: 0,
  built: 0,
  booted: 0,
  rejected: CHECK_EXIT_CODES.apply,
  'not-built': CHECK_EXIT_CODES.build,
  'not-booted': CHECK_EXIT_CODES.boot,
};

/** Returns the exit code: of the first patch that failed, or 0. */
export async function runBisectCommand(input: BisectCommand): Promise<number> {
  const { signal, stdout, json } = input;
  const cache_dir = input.cache_dir ?? cacheDir();
  const progress = createProgress({ stream: input.stderr });
  const series_dir = input.series ?? join(PROJECT_ROOT, 'guest-kernel-patches');
  const { tree, config_path, arch } = input;
  const given = { tree, series_dir, config_path, cache_dir, arch };
  const { source, patched, compiler } = await findGivenKernels(given).catch((error: unknown) => {
    throw translated(error);
  });
  const count = patched.patches.length;
  if (input.from > count) {
    throw badOption('from', `the series has ${count} patches`, 'kernel bisect');
  }
  const owned = await newOwnedFolder(runtimeDir(), 'kernel');
  const results: PatchResult[] = [];
  if (!json) stdout.write(`KTAP version 1\n1..${count}\n# tree: ${printable(source.path)}\n`);
  try {
    const boot = input.boot ?? (await openBoot({ cache_dir, parent_dir: owned.path, signal }));
    const builds = buildEachPatch({
      source,
      parts: patched,
      compiler,
      objects_only: input.objects_only,
      from: input.from,
      ccache: await hasCcache(),
      cache_dir,
      progress,
      ...(input.jobs === null ? {} : { jobs: input.jobs }),
      signal,
    });
    for await (const build of builds) {
      progress.update('boots');
      const result = await bootOf(build, boot);
      signal.throwIfAborted();
      results.push(result);
      progress.done(`${build.name}: ${result.outcome}`);
      if (!json) stdout.write(linesOf(result));
    }
  } catch (error) {
    throw signal.aborted ? checkInterrupted(error) : error;
  } finally {
    await owned.remove();
  }
  const failed = results.find(({ outcome }) => EXIT_OF[outcome] !== 0);
  const exit_code = failed ? EXIT_OF[failed.outcome] : 0;
  if (json) stdout.write(`${JSON.stringify({ patches: results, exit_code }, null, 2)}\n`);
  return exit_code;
}

async function bootOf(
  { image_path, ...build }: PatchBuild,
  boot: (image_path: string) => Promise<BootFinding>,
): Promise<PatchResult> {
  if (image_path === null) return build;
  const found = await boot(image_path);
  if (found.up) return { ...build, outcome: 'booted' };
  return { ...build, outcome: 'not-booted', lines: [found.reason, ...found.lines] };
}

const LINE_CHARS = 2_000;

function linesOf({
  index,
  name,
  outcome,
  objects,
  warnings,
  build_ms,
  lines,
}: PatchResult): string {
  const what = objects === null ? '' : `${objects} objects, `;
  const detail = `${outcome.replace('-', ' ')}, ${what}${formatMs(build_ms)}, ${warnings} warnings`;
  if (outcome === 'applied') return `ok ${index} ${printable(name)} # SKIP applied, not built\n`;
  const ok = EXIT_OF[outcome] === 0 ? 'ok' : 'not ok';
  const said = lines.map((line) => `# ${printable(line, LINE_CHARS)}\n`).join('');
  return `${said}${ok} ${index} ${printable(name)} # ${detail}\n`;
}

const CCACHE_MS = 10_000;

async function hasCcache(): Promise<boolean> {
  const options = { env: toolEnvironment(), extendEnv: false, timeout: CCACHE_MS };
  return await execa('ccache', ['--version'], options).then(
    () => true,
    () => false,
  );
}
