/**
 * A guest that takes what was never plugged for it, beside one that serves: its function has
 * memory that it could be given one day, and its kernel is not ours.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { emulated } from '../../../agent/model/work.ts';
import { messageOf } from '../../../base/errors.ts';
import { MIB } from '../../../base/units.ts';
import { specOf } from '../core/world.ts';
import { fenceOf, vmGroups } from './groups.ts';
import { kernelKills } from './kernel-log.ts';
import type { RealAgent } from './real-agent.ts';
import { tell } from './told.ts';

export const ROGUE_MARK = '/run/hotplane-rogue';
const CALL = emulated({ anonymous_bytes: 16 * MIB, file_bytes: 0, cpu_ms: 0, wall_ms: 100 });

/** As QEMU, but for VMs that start while the mark is there: they get another kernel. */
export function writeQemu(path: string, kernel_path: string): void {
  const script = `#!/bin/sh
[ -e ${ROGUE_MARK} ] || exec qemu-system-x86_64 "$@"
left=$#; before=
while [ $left -gt 0 ]; do
  word=$1; shift
  [ "$before" = -kernel ] && word=${kernel_path}
  set -- "$@" "$word"
  before=$word; left=$((left - 1))
done
exec qemu-system-x86_64 "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
}

export async function fence(agent: RealAgent, vm_id: string): Promise<void> {
  const { client } = agent;
  const call = async (): Promise<boolean> =>
    (await client.invoke({ ...CALL, function: 'calm', invocation_id: 'calm' })).outcome === 'done';
  let [calls_meanwhile, calls_failed] = [0, (await call()) ? 0 : 1];
  const groups_before = [...vmGroups()];

  writeFileSync(ROGUE_MARK, '');
  const large = { limit_bytes: 256 * MIB, boot_bytes: 192 * MIB, concurrency: 4 };
  const over = new AbortController();
  const rogue = client
    .deploy(specOf('rogue', { mechanism: 'hotmem', ...large }))
    .then(() => 'it serves', messageOf)
    .finally(() => over.abort());
  while (!over.signal.aborted) {
    if (await call()) calls_meanwhile += 1;
    else calls_failed += 1;
  }
  const refused = await rogue;
  rmSync(ROGUE_MARK);
  if (!(await call())) calls_failed += 1;
  await client.remove('rogue').catch(() => undefined);
  tell({
    what: 'fenced',
    calm: fenceOf(vm_id),
    refused,
    calls_meanwhile,
    calls_failed,
    groups_before,
    groups_after: [...vmGroups()],
    kernel_kills: kernelKills(),
  });
}
