/** Facts about this machine and these versions, for the manifest. Reads the host; not pure. */
import { readFileSync } from 'node:fs';
import { arch, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PROJECT_ROOT } from '../../base/paths.ts';
import type { RunFacts } from './manifest.ts';
import { readProvenance } from './provenance.ts';

const packageSchema = z.object({ version: z.string() });

/** `argv` as the user typed it, without the program. */
export async function readRunFacts(argv: readonly string[]): Promise<RunFacts> {
  const text = readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8');
  const { version } = packageSchema.parse(JSON.parse(text));
  return {
    host: {
      cpu_model: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memory_bytes: totalmem(),
      kernel: release(),
      arch: arch(),
    },
    versions: { hotplane: version, node: process.version, agent: '' },
    provenance: await readProvenance(),
    started_at: new Date().toISOString(),
    command: ['hotplane', ...argv],
  };
}
