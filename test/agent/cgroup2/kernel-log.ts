/** Whom the kernel of the machine has killed for memory, by its log. */
import { spawnSync } from 'node:child_process';

export function kernelKills(): string[] {
  const { stdout } = spawnSync('dmesg', { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes('Killed process'));
}
