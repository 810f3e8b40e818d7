/** What serves the applications of a profiled workload, as options say it. */
import { MECHANISMS } from '../agent/model/mechanism.ts';
import type { ServedBy } from '../autoscaler/profile/profile-plan.ts';
import { LIMITS } from '../base/limits.ts';
import { parseBytes } from '../base/units.ts';
import type { CommandInput, OptionSpec } from './command.ts';
import { badValue } from './errors.ts';

/** Options of what is deployed for a run; `mechanisms`: those that it can have. */
export const servedOptions = (mechanisms: readonly string[], usual: string) =>
  ({
    function: {
      value: 'APP=WHAT',
      summary: 'what serves an application: a deployed function, a function.yaml, or a size',
      multiple: true,
    },
    mechanism: {
      value: 'NAME',
      summary: 'of functions that are given as a size',
      choices: mechanisms,
      default: usual,
    },
    concurrency: { value: 'N', summary: 'of the same: most instances', default: '8' },
    'keep-alive': { value: 'SEC', summary: 'of the same', default: '60' },
  }) satisfies Record<string, OptionSpec>;

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;
const WANTED = 'APPLICATION=FUNCTION, APPLICATION=function.yaml or APPLICATION=256MiB';

/** What each application is served by: a function.yaml, the built-in one, or one by its name. */
export async function servedByOptions(input: CommandInput): Promise<Map<string, ServedBy>> {
  const { values } = input;
  const { standInSpec } = await import('../autoscaler/profile/profile-plan.ts');
  const targets = new Map<string, ServedBy>();
  for (const given of values.list('function')) {
    // A name of an application may have one, too; neither a size nor a function has.
    const at = given.lastIndexOf('=');
    const [application, what] = [given.slice(0, at), given.slice(at + 1)];
    if (at <= 0 || what === '') throw badValue('function', given, WANTED);
    if (targets.has(application)) throw badValue('function', given, 'each application once');
    const bytes = parseBytes(what);
    if (/\.ya?ml$/.test(what)) targets.set(application, await ofFile(what, input));
    else if (bytes === null || bytes <= 0) {
      if (!NAME.test(what)) throw badValue('function', given, WANTED);
      targets.set(application, { kind: 'deployed', name: what });
    } else {
      const spec = standInSpec(application, bytes, {
        mechanism: values.choice('mechanism', MECHANISMS.names),
        concurrency: values.whole('concurrency', 1, LIMITS.regions_per_vm),
        keep_alive_ms: values.number('keep-alive', 0, 1e6) * 1_000,
      });
      targets.set(application, { kind: 'spec', spec });
    }
  }
  return targets;
}

/** Throws HP_YAML, HP_IMAGE_*. */
async function ofFile(path: string, { stderr, signal }: CommandInput): Promise<ServedBy> {
  const [{ makeFunction, programOf, readFunctionFile }, manifests, tiers, paths, progresses] =
    await Promise.all([
      import('./function/program.ts'),
      import('./function/manifest.ts'),
      import('./function/tiers.ts'),
      import('../base/paths.ts'),
      import('../base/progress.ts'),
    ]);
  const read = await readFunctionFile(path);
  const { manifest } = read;
  const table = await tiers.tableOfKeys(manifest.name, manifest.tiers, path);
  const progress = progresses.createProgress({ stream: stderr });
  const made = await makeFunction(read, { cache_dir: paths.cacheDir(), progress, signal });
  const spec = manifests.specOfManifest(manifest, programOf(read, made), table);
  return { kind: 'spec', spec };
}
