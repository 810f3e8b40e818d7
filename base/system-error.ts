/** What the operating system refuses, told once: with the path, the cause and the next step. */
import {
  type CodeInfo,
  type CodeTable,
  type ErrorCategory,
  errorMaker,
  type HotplaneError,
} from './errors.ts';

/** The code of an error, whoever gave it: `ENOENT`, `ABORT_ERR`, `UND_ERR_SOCKET`; else null. */
export function codeOf(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : null;
}

/** The system's name of an error, such as `ENOENT`; null when it is another error. */
export function errnoOf(error: unknown): string | null {
  const code = codeOf(error);
  return code !== null && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

interface Kind {
  readonly code: string;
  readonly category: ErrorCategory;
  /** Reads after "cannot open PATH: ". */
  readonly why: string;
  readonly next: string;
}

const NO_SPACE: Kind = {
  code: 'HP_SYSTEM_NO_SPACE',
  category: 'unavailable',
  why: 'the disk is full',
  next: 'free space there (df shows how much is left), or name a folder on another disk.',
};

const DENIED: Kind = {
  code: 'HP_SYSTEM_DENIED',
  category: 'unavailable',
  why: 'you may not',
  next: 'give yourself the right to it (ls -ld shows owner and mode), or name another place.',
};

const TOO_MANY_FILES: Kind = {
  code: 'HP_SYSTEM_TOO_MANY_FILES',
  category: 'unavailable',
  why: 'too many files are open',
  next: "raise the limit ('ulimit -n', LimitNOFILE= in a unit) and try again.",
};

/** By the names of errno(3). */
const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['ENOSPC', NO_SPACE],
  ['EDQUOT', { ...NO_SPACE, why: 'your disk quota is used up' }],
  ['EACCES', DENIED],
  ['EPERM', DENIED],
  [
    'EROFS',
    {
      code: 'HP_SYSTEM_READ_ONLY',
      category: 'unavailable',
      why: 'the file system is read-only',
      next: 'name a folder that can be written, or mount this one writable.',
    },
  ],
  [
    'ENOTDIR',
    {
      code: 'HP_SYSTEM_NOT_A_FOLDER',
      category: 'unavailable',
      why: 'a part of the path is a file, not a folder',
      next: 'name a path whose parents are all folders.',
    },
  ],
  [
    'EEXIST',
    {
      code: 'HP_SYSTEM_EXISTS',
      category: 'conflict',
      why: 'something is there already',
      next: 'name another path, or remove what is there.',
    },
  ],
  [
    'EISDIR',
    {
      code: 'HP_SYSTEM_IS_A_FOLDER',
      category: 'usage',
      why: 'it is a folder, not a file',
      next: 'name a file.',
    },
  ],
  [
    'ENOENT',
    {
      code: 'HP_SYSTEM_MISSING',
      category: 'unavailable',
      why: 'it does not exist',
      next: 'check the path; create the folder it lies in when that is missing.',
    },
  ],
  ['EMFILE', TOO_MANY_FILES],
  ['ENFILE', { ...TOO_MANY_FILES, why: 'the whole system has too many files open' }],
  [
    'ENAMETOOLONG',
    {
      code: 'HP_SYSTEM_NAME_TOO_LONG',
      category: 'usage',
      why: 'the name is too long',
      next: 'name a shorter path.',
    },
  ],
  [
    'ELOOP',
    {
      code: 'HP_SYSTEM_LINK_LOOP',
      category: 'usage',
      why: 'its symbolic links lead back to themselves',
      next: 'mend the links, or name another path.',
    },
  ],
  [
    'EIO',
    {
      code: 'HP_SYSTEM_IO',
      category: 'failure',
      why: 'the device reports an error',
      next: 'look at the kernel log (dmesg) for the disk behind it.',
    },
  ],
  [
    'ETXTBSY',
    {
      code: 'HP_SYSTEM_BUSY',
      category: 'conflict',
      why: 'the program is being written',
      next: 'try again when whoever writes it is done.',
    },
  ],
  [
    'ENOMEM',
    {
      code: 'HP_SYSTEM_NO_MEMORY',
      category: 'unavailable',
      why: 'the host has no memory left for it',
      next: 'end something else, or raise the memory limit of this process.',
    },
  ],
]);

/** Node says it too when a parent of the folder cannot be made on a read-only file system. */
const NO_PARENT: Kind = {
  code: 'HP_SYSTEM_MISSING',
  category: 'unavailable',
  why: 'what it lies in is not there, or its file system is read-only',
  next: 'name a folder that can be written.',
};

/** What is not in the table: still one line with its name, never a stack. */
const OTHER: Omit<Kind, 'why'> = {
  code: 'HP_SYSTEM_ERROR',
  category: 'failure',
  next: 'errno(3) says what its name means; HOTPLANE_DEBUG=1 shows where it happened.',
};

const NO_WORKING_FOLDER: Kind = {
  code: 'HP_SYSTEM_WORKING_FOLDER',
  category: 'unavailable',
  why: 'the working folder is gone, or you may not enter it',
  next: 'change into a folder that exists (cd) and try again.',
};

/** The codes of this file; of several causes with one code the first is its meaning. */
export const SYSTEM_CODES: CodeTable = tableOf([
  ...KINDS.values(),
  NO_PARENT,
  NO_WORKING_FOLDER,
  { ...OTHER, why: 'the system refused for another reason, named in the message' },
]);

const systemCoded = errorMaker(SYSTEM_CODES);

function tableOf(kinds: readonly Kind[]): CodeTable {
  const table: Record<string, CodeInfo> = {};
  for (const { code, category, why, next } of kinds) {
    const meaning = `${why.charAt(0).toUpperCase()}${why.slice(1)}.`;
    table[code] ??= { category, meaning, next };
  }
  return table;
}

/** What the caller tried, in its own words, where the system's do not say it. */
export interface SystemErrorContext {
  /** Reads after "cannot": `write the results`. Default: the system call, and its path. */
  readonly doing?: string;
  /** Where the error itself names none. */
  readonly path?: string;
  /** Follows the usual next step, e.g. the option that names another place. */
  readonly hint?: string;
}

/** An error of the operating system as ours, `cause` kept; null when it is none. Pure. */
export function systemError(
  error: unknown,
  context: SystemErrorContext = {},
): HotplaneError | null {
  const errno = errnoOf(error);
  if (errno === null || !(error instanceof Error)) return null;
  const call = field(error, 'syscall');
  if (call === null && !KINDS.has(errno)) return null;
  if (call === 'uv_cwd') return workingFolderGone(error);
  const kind =
    errno === 'ENOENT' && call === 'mkdir'
      ? NO_PARENT
      : (KINDS.get(errno) ?? { ...OTHER, why: error.message });
  const path = field(error, 'path') ?? context.path ?? null;
  const target = field(error, 'dest');
  const what = [path, target].filter((one) => one !== null).map((one) => `'${one}'`);
  const doing = context.doing ?? wordOf(call);
  const tried = [doing, what.join(' to ')].filter(Boolean).join(' ');
  return systemCoded(kind.code, `cannot ${tried}: ${kind.why} (${errno}).`, {
    next: context.hint === undefined ? kind.next : `${kind.next} ${context.hint}`,
    cause: error,
    details: { errno, syscall: call, path, dest: target },
  });
}

/** `error` itself when it is ours or a bug, else what the operating system refused. Pure. */
export function translated(error: unknown, context: SystemErrorContext = {}): unknown {
  return systemError(error, context) ?? error;
}

function workingFolderGone(cause: Error): HotplaneError {
  return systemCoded(NO_WORKING_FOLDER.code, `${NO_WORKING_FOLDER.why}.`, { cause });
}

function field(error: Error, name: 'syscall' | 'path' | 'dest'): string | null {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** System calls as words. Those that are words already, `open`, `write`, stay. */
const WORDS: Readonly<Record<string, string>> = {
  mkdir: 'create folder',
  mkdtemp: 'create a folder like',
  scandir: 'list',
  opendir: 'list',
  lstat: 'look at',
  stat: 'look at',
  fsync: 'write',
  copyfile: 'copy',
  unlink: 'remove',
  rmdir: 'remove',
  rm: 'remove',
};

function wordOf(call: string | null): string {
  if (call === null) return 'go on with';
  if (call.startsWith('spawn')) return 'run';
  return WORDS[call] ?? call;
}
