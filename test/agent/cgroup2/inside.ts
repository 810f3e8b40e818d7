/**
 * Runs inside the nested machine, as root on a host with cgroup v2 alone: an agent there, a guest
 * that is fenced, a hog beside them. Arguments: the kernel of a guest that nobody can hold to
 * anything, finished images, and which parts. Tells a JSON line of each.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MIB } from '../../../base/units.ts';
import { specOf } from '../core/world.ts';
import { delegation } from './delegation.ts';
import { fence, writeQemu } from './fence.ts';
import { enter, HOG, makeGroups, vmGroups } from './groups.ts';
import { pressure } from './pressure.ts';
import { RealAgent } from './real-agent.ts';
import { tell } from './told.ts';

const [rogue_path = '', images = '', ...parts] = process.argv.slice(2);
const folder = '/run/hotplane-test';
const SIZE = { limit_bytes: 64 * MIB, boot_bytes: 192 * MIB, keep_alive_ms: 3_600_000 };

mkdirSync(folder, { mode: 0o700 });
makeGroups(2_500 * MIB);
enter(HOG);
if (parts.includes('delegation')) delegation();
writeQemu(join(folder, 'qemu'), rogue_path);
const agent = await RealAgent.start(join(folder, 'qemu'), images);
tell({ what: 'serving', said: agent.said });
try {
  const calm = specOf('calm', { mechanism: 'hotmem', concurrency: 3, ...SIZE });
  const { vm_id } = await agent.deploy(calm);
  if (parts.includes('fence')) await fence(agent, vm_id);
  if (parts.includes('pressure')) await pressure(agent);
} finally {
  await agent.end();
  const { stdout } = spawnSync('pgrep', ['-a', 'qemu'], { encoding: 'utf8' });
  const processes = stdout.split('\n').filter(Boolean);
  tell({ what: 'left', groups: [...vmGroups()], processes });
}
