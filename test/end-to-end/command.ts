/** Runs hotplane as a user does: a real process, through the launcher. */
import { execa } from 'execa';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { PROJECT_ROOT } from '../../base/paths.ts';

export interface Ended {
  readonly exit_code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  kill(signal: 'SIGINT' | 'SIGTERM'): void;
  /** All of stderr so far. */
  stderr(): string;
  ended(): Promise<Ended>;
}

/** A folder of the test's own; VMs and sockets of the run live below it too. */
export async function scratchFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hotplane-e2e-'));
  t.teardown(async () => await rm(folder, { recursive: true, force: true }));
  return folder;
}

export function startCommand(
  args: readonly string[],
  options: { readonly folder: string; readonly env?: Readonly<Record<string, string>> },
): RunningCommand {
  const child = execa(process.execPath, [join(PROJECT_ROOT, 'bin', 'hotplane.js'), ...args], {
    cwd: options.folder,
    env: { TMPDIR: options.folder, HOTPLANE_RUNTIME_DIR: options.folder, ...options.env },
    reject: false,
    stdin: 'ignore',
  });
  let stderr = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString('utf8');
  });
  return {
    kill: (signal) => void child.kill(signal),
    stderr: () => stderr,
    ended: async () => {
      const result = await child;
      return {
        exit_code: result.exitCode ?? -1,
        stdout: result.stdout,
        stderr: result.stderr,
      };
    },
  };
}

export async function runCommand(
  args: readonly string[],
  options: Parameters<typeof startCommand>[1],
): Promise<Ended> {
  return await startCommand(args, options).ended();
}

/** Processes whose command line names `folder`: what a run left behind. */
export function processesOf(folder: string): string[] {
  const found: string[] = [];
  for (const path of globSync('/proc/[0-9]*/cmdline')) {
    let text = '';
    try {
      text = readFileSync(path, 'utf8').replaceAll('\0', ' ');
    } catch {
      continue;
    }
    if (text.includes(folder)) found.push(text);
  }
  return found;
}

/** Sockets below `folder`. */
export function socketsOf(folder: string): string[] {
  const table = readFileSync('/proc/net/unix', 'utf8');
  return table.split('\n').filter((line) => line.includes(folder));
}
