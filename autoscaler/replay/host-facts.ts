/** Facts about this machine and these versions, for the manifest. Reads the host; not pure. */
import { arch, cpus, release, totalmem } from 'node:os';
import { readVersion } from '../../base/version.ts';
import type { RunFacts } from './manifest.ts';
import { readProvenance } from './provenance.ts';

/** `argv` as the user typed it, without the program. */
export async function readRunFacts(argv: readonly string[]): Promise<RunFacts> {
  return {
    host: {
      cpu_model: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memory_bytes: totalmem(),
      kernel: release(),
      arch: arch(),
    },
    versions: { hotplane: await readVersion(), node: process.version, agent: '' },
    provenance: await readProvenance(),
    started_at: new Date().toISOString(),
    command: ['hotplane', ...argv],
  };
}
