/** The real functions that come with the project, for a replay: what they need, and built. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RealPrograms } from '../../autoscaler/replay/calibrate.ts';
import { cacheDir, PROJECT_ROOT } from '../../base/paths.ts';
import type { Progress } from '../../base/progress.ts';
import { makeFunction, programOf, type ReadManifest, readFunctionFile } from './program.ts';

/** Each language has a folder, and each program a function.yaml in it. */
const FOLDER = join(PROJECT_ROOT, 'images', 'functions');

export function realPrograms(progress: Progress): RealPrograms {
  const read = new Map<string, ReadManifest>();
  const find = async (names: readonly string[]): Promise<void> => {
    if (names.every((name) => read.has(name))) return;
    const files = await readdir(FOLDER, { recursive: true });
    for (const file of files.filter((one) => one.endsWith('.yaml'))) {
      const found = await readFunctionFile(join(FOLDER, file));
      read.set(found.manifest.name, found);
    }
  };
  return {
    needsOf: async (names) => {
      await find(names);
      return new Map(
        [...read].map(([name, { manifest }]) => [
          name,
          { limit_bytes: manifest.memory.max, boot_bytes: manifest.boot_memory },
        ]),
      );
    },
    build: async (name, signal) => {
      await find([name]);
      const found = read.get(name);
      if (!found) throw new RangeError(`no real function is called ${name}`);
      const made = await makeFunction(found, { cache_dir: cacheDir(), progress, signal });
      return programOf(found, made);
    },
  };
}
