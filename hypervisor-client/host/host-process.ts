/**
 * Which processes of this host are ours, and which of them live in a run folder: told by the
 * processes themselves. A file in the folder may be old, broken or forged; a pid may be reused.
 */
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, isAbsolute } from 'node:path';
import { ourUid } from '../../base/safe-path.ts';
import { type ProcessIdentity, readStartTicks } from '../../base/process.ts';

export interface HostProcess extends ProcessIdentity {
  /** Path of the program it runs, as the kernel knows it. */
  readonly exe: string;
  readonly argv: readonly string[];
}

/** A VMM as its handle tells it. */
export interface VmmIdentity {
  readonly pid: number;
  readonly pid_start_ticks: number;
  /** Whom it runs as; absent: us. */
  readonly uid?: number;
}

/** Every living process of this user, or one of `others`, whose program can be seen. */
export async function ourProcesses(
  others: ReadonlySet<number> = NOBODY,
): Promise<readonly HostProcess[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));
  const isOurs = (uid: number): boolean => uid === ourUid() || others.has(uid);
  const found = await Promise.all(pids.map((pid) => readProcess(pid, isOurs).catch(() => null)));
  return found.filter((one) => one !== null);
}

const NOBODY: ReadonlySet<number> = new Set();

/** The process of a VM that `driver` started in that folder, if it is still there. */
export async function isVmmIn(
  { pid, pid_start_ticks, uid = ourUid() }: VmmIdentity,
  folder: string,
  driver: { runs(process: HostProcess): boolean },
): Promise<boolean> {
  const found = await readProcess(pid, (one) => one === uid).catch(() => null);
  if (found === null || found.start_ticks !== pid_start_ticks) return false;
  return driver.runs(found) && namesFolder(found, folder);
}

async function readProcess(
  pid: number,
  isOurs: (uid: number) => boolean,
): Promise<HostProcess | null> {
  const start_ticks = await readStartTicks(pid);
  if (start_ticks === null || !isOurs((await stat(`/proc/${pid}`)).uid)) return null;
  const exe = await readlink(`/proc/${pid}/exe`);
  const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  return { pid, start_ticks, exe, argv };
}

/** Whether a process was told to work in that folder: an argument holds a path below it. Pure. */
export function namesFolder(process: HostProcess, folder: string): boolean {
  // QEMU doubles a comma inside a value.
  const texts = [`${folder}/`, `${folder.replaceAll(',', ',,')}/`];
  return process.argv.some((argument) =>
    texts.some((text) => {
      const at = argument.indexOf(text);
      // Nothing longer that ends in the same name: "path=/a/b" names "/a/b", "/x/a/b" does not.
      return at >= 0 && !/[\w./-]/.test(argument[at - 1] ?? '');
    }),
  );
}

/**
 * Whether a process runs `command` (a program with its leading arguments), or a program whose name
 * is one of `names`. A program that was replaced on disk still has its name. Pure.
 */
export function runsProgram(
  process: HostProcess,
  command: readonly string[],
  names: RegExp,
): boolean {
  const exe = basename(process.exe.replace(/ \(deleted\)$/, ''));
  if (names.test(exe)) return true;
  const [program = '', ...leading] = command;
  const same = leading.every((argument, index) => process.argv[index + 1] === argument);
  if (exe === basename(program)) return same;
  // A script: the kernel runs its interpreter, with the script's path before our arguments.
  const script = process.argv[1] ?? '';
  return leading.length === 0 && isAbsolute(script) && basename(script) === basename(program);
}

/** What a process holds of the host's memory, or null when it cannot be told. */
export async function residentBytesOf(pid: number): Promise<number | null> {
  try {
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}
