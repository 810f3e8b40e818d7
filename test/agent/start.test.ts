/**
 * Goal: an agent that cannot start says why, ends with the promised code and leaves nothing.
 * Method: real agents, through the launcher, in places where they cannot start.
 */
import test, { type ExecutionContext } from 'ava';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runCommand, scratchFolder, socketsOf } from '../end-to-end/command.ts';

interface Place {
  readonly socket: string;
  readonly state_dir: string;
}

interface Case {
  readonly what: string;
  readonly make: (t: ExecutionContext, folder: string) => Promise<Place> | Place;
  readonly exit_code: number;
  readonly message: RegExp;
  /** What the folder holds afterwards. */
  readonly left: readonly string[];
}

const at = (folder: string, place: Partial<Place>): Place => ({
  socket: join(folder, 'a.sock'),
  state_dir: join(folder, 'state'),
  ...place,
});

const CASES: readonly Case[] = [
  {
    what: 'a socket somebody listens on',
    make: async (t, folder) => {
      const server = createServer();
      t.teardown(() => server.close());
      await new Promise<void>((done) => server.listen(join(folder, 'a.sock'), done));
      return at(folder, {});
    },
    exit_code: 5,
    message: /HP_AGENT_SOCKET_IN_USE: another agent listens/,
    left: ['a.sock', 'a.sock.lock', 'state'],
  },
  {
    what: 'a socket path that is too long',
    make: (_, folder) => at(folder, { socket: join(folder, 's'.repeat(110)) }),
    exit_code: 2,
    message: /HP_AGENT_SOCKET: .*and a Unix socket takes 107/,
    left: ['state'],
  },
  {
    what: 'a file where the socket should be',
    make: (_, folder) => {
      writeFileSync(join(folder, 'a.sock'), 'precious');
      return at(folder, {});
    },
    exit_code: 5,
    message: /HP_AGENT_SOCKET: .*is not a socket/,
    left: ['a.sock', 'a.sock.lock', 'state'],
  },
  {
    what: 'a state folder below a file',
    make: (_, folder) => {
      writeFileSync(join(folder, 'file'), '');
      return at(folder, { state_dir: join(folder, 'file', 'state') });
    },
    exit_code: 3,
    message: /HP_SYSTEM_NOT_A_FOLDER/,
    left: ['file'],
  },
  {
    what: 'a state folder with a path too long for the sockets in it',
    make: (_, folder) => at(folder, { state_dir: join(folder, 's'.repeat(90)) }),
    exit_code: 2,
    message: /HP_AGENT_STATE_DIR: .*too long for sockets/,
    left: [],
  },
  {
    what: 'a state folder that others may write',
    make: (_, folder) => {
      mkdirSync(join(folder, 'state'));
      chmodSync(join(folder, 'state'), 0o777);
      return at(folder, {});
    },
    exit_code: 5,
    message: /HP_PATH_UNSAFE: .*may be written by others \(mode 0777\).*chmod go-w/,
    left: ['state'],
  },
  {
    what: 'a symbolic link as state folder',
    make: (_, folder) => {
      mkdirSync(join(folder, 'elsewhere'));
      symlinkSync(join(folder, 'elsewhere'), join(folder, 'state'));
      return at(folder, {});
    },
    exit_code: 5,
    message: /HP_PATH_UNSAFE: .*is a symbolic link/,
    left: ['elsewhere', 'state'],
  },
  {
    what: 'no VMM',
    make: (_, folder) => at(folder, {}),
    exit_code: 3,
    message: /HP_VMM_MISSING/,
    left: ['a.sock.lock', 'state'],
  },
];

for (const { what, make, exit_code, message, left } of CASES) {
  test.serial(`an agent with ${what} ends with ${exit_code} and says why`, async (t) => {
    const folder = await scratchFolder(t);
    const { socket, state_dir } = await make(t, folder);
    const args = ['agent', '--vmm=qemu', `--socket=${socket}`, `--state-dir=${state_dir}`];
    // No program of that name is found there; flock is.
    const bin = join(await scratchFolder(t), 'bin');
    mkdirSync(bin);
    symlinkSync('/usr/bin/flock', join(bin, 'flock'));
    const ended = await runCommand(args, { folder, env: { PATH: bin } });
    t.is(ended.exit_code, exit_code, ended.stderr);
    t.regex(ended.stderr, message);
    t.regex(ended.stderr, /Next: /);
    t.notRegex(ended.stderr, /\n\s+at /);
    t.deepEqual(readdirSync(folder).toSorted(), left);
    const listening = socketsOf(folder).filter((line) => !line.endsWith('a.sock'));
    t.deepEqual(listening, []);
  });
}
