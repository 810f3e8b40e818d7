/** The plugin that counts accesses, compiled where it is needed. */
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { ensureStaticProgram } from '../../images/rootfs/program.ts';

const FOLDER = join(PROJECT_ROOT, 'bench/accesses');

/** Its path. Throws HP_IMAGE_* where it does not compile. */
export async function ensureAccessPlugin(signal?: AbortSignal): Promise<string> {
  return await ensureStaticProgram({
    name: 'accesses',
    sources: [join(FOLDER, 'plugin.c')],
    headers: [join(FOLDER, 'qemu-plugin.h')],
    kind: 'plugin',
    signal,
  });
}
