/** The function whose calls cost nothing but their way: an echo in C that serves HTTP. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MechanismName } from '../../../agent/model/mechanism.ts';
import type { FunctionSpec } from '../../../autoscaler/replay/agent-api.ts';
import { addFolder } from '../../../images/packages/folder.ts';
import { makePackage } from '../../../images/packages/package.ts';
import { ensureStaticProgram } from '../../../images/rootfs/program.ts';
import { specOf } from '../plan.ts';

export const ECHO_FUNCTION = 'bench-echo';
const PROGRAM = 'echo';
const inFolder = (name: string): string => join(import.meta.dirname, name);

/** What the program is made of. */
export const ECHO_PROGRAM = {
  sources: [inFolder('echo.c'), inFolder('hops.c')],
  headers: [inFolder('hops.h')],
} as const;

/** Content key of its image, made now or earlier. Throws HP_IMAGE_*. */
async function echoImage(cache_dir: string, signal: AbortSignal): Promise<string> {
  const program = await ensureStaticProgram({
    name: 'bench-echo',
    ...ECHO_PROGRAM,
    cache_dir,
    signal,
  });
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-echo-'));
  try {
    await copyFile(program, join(dir, PROGRAM));
    const { made } = await makePackage({ cache_dir, source: dir, signal }, async (tree, blobs) => {
      tree.beginLayer();
      await addFolder(tree, blobs, { dir, at: 'bin' });
    });
    return made.key;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** One instance of it, in a VM of its own. Throws HP_IMAGE_*. */
export async function echoFunction(
  mechanism: MechanismName,
  options: { readonly vcpus: number; readonly cache_dir: string; readonly signal: AbortSignal },
): Promise<FunctionSpec> {
  const function_key = await echoImage(options.cache_dir, options.signal);
  return {
    ...specOf(mechanism, { starts: [1], vcpus: options.vcpus }),
    name: ECHO_FUNCTION,
    program: {
      function_key,
      base_key: null,
      interface: 'http',
      command: [`/bin/${PROGRAM}`],
      environment: [],
      working_folder: null,
      user: null,
      tmp_bytes: null,
      timeout_ms: null,
    },
  };
}
