/** Folders that root gives to another user, in part and whole, as systemd does with Delegate=. */
import { spawnSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { HOG, HOST, VMS } from './groups.ts';
import { tell } from './told.ts';

const NOBODY = 65_534;
const GIVEN = ['', 'cgroup.procs', 'cgroup.subtree_control'];

const answerSchema = z.object({ why: z.string().nullable(), kernel: z.string() });

function give(...groups: readonly string[]): void {
  for (const group of groups) {
    for (const file of GIVEN) chownSync(join(group, file), NOBODY, NOBODY);
  }
}

function ask(): z.infer<typeof answerSchema> {
  const user = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const command = [process.execPath, 'test/agent/cgroup2/asks.ts', VMS];
  const { stdout, stderr } = spawnSync('setpriv', [...user, ...command], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return answerSchema.parse(JSON.parse(stdout));
}

export function delegation(): void {
  const nothing = ask();
  give(VMS);
  const part = ask();
  give(HOST, HOG);
  tell({ what: 'delegated', nothing, part, whole: ask() });
}
