/** Error codes of what every folder uses: files, locks, paths. */
import { type CodeInfo, errorMaker } from './errors.ts';

export const BASE_CODES = {
  HP_FILE_NOT_PLAIN: {
    category: 'usage',
    meaning: 'A folder, pipe, device or socket is where a file was asked for.',
    next: 'name a file, or put one there.',
  },
  HP_YAML: {
    category: 'usage',
    meaning: 'A YAML file is not as it must be; the message says where and what.',
    next: 'change that line of the file.',
  },
  HP_LOCK_FAILED: {
    category: 'unavailable',
    meaning: 'The kernel gave no lock on a file: no flock(1), or a file system without locks.',
    next: 'install util-linux (flock), and use a local file system with locks.',
  },
  HP_CACHE_PATH: {
    category: 'usage',
    meaning: 'The path of the cache cannot be used: not absolute, not UTF-8, or of other letters.',
    next: 'set HOTPLANE_CACHE to an absolute path of letters and digits.',
  },
  HP_PATH_UNSAFE: {
    category: 'conflict',
    meaning: 'Somebody else could change what lies there: owner, mode or kind of a path is wrong.',
    next: 'name a folder of your own.',
  },
  HP_AGENT_SOCKET: {
    category: 'usage',
    also: ['conflict', 'unavailable'],
    meaning:
      'No socket can be made at that path: it is too long, taken by something else, or not ours.',
    next: 'name another --socket, in a folder that is yours.',
  },
} as const satisfies Record<string, CodeInfo>;

/** Makes the error of one code; `message` is one sentence with the values that matter. */
export const baseError = errorMaker<keyof typeof BASE_CODES>(BASE_CODES);
