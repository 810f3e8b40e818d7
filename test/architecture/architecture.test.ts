/** The arrows of ARCHITECTURE.md, held by reading every import of every source file. */
import test from 'ava';
import { DRIVERS } from '../../hypervisor-client/drivers.ts';
import { readLined, tooLong } from './columns.ts';
import { DIVIDED, MAY_IMPORT } from './rooms.ts';
import { projectPath, readSources, type Source } from './sources.ts';

const SOURCES = readSources();

/** The room of a file: itself, or the longest folder that is one. */
function roomOf(path: string): string | null {
  const holds = (room: string): boolean =>
    room === path || path.startsWith(room.endsWith('/') ? room : `${room}/`);
  const [longest = null] = Object.keys(MAY_IMPORT)
    .filter(holds)
    .toSorted((a, b) => b.length - a.length);
  return longest;
}

test('there are sources to look at', (t) => {
  t.true(SOURCES.length > 300);
});

test('every source file is in a room that has its arrows', (t) => {
  const homeless = SOURCES.filter(({ path }) => {
    const [folder = '', second = ''] = path.split('/');
    const room = roomOf(path);
    if (room === null) return true;
    return DIVIDED.includes(folder) && path.split('/').length > 2 && !room.includes(`/${second}`);
  });
  t.deepEqual(
    homeless.map(({ path }) => path),
    [],
  );
});

test('imports point the way ARCHITECTURE.md says', (t) => {
  const wrong: string[] = [];
  for (const source of SOURCES) {
    const room = roomOf(source.path);
    if (room === null) continue;
    const allowed = [room, ...(MAY_IMPORT[room] ?? [])];
    for (const specifier of source.imports) {
      const target = projectPath(source, specifier);
      if (target === null) continue;
      const ok = allowed.some(
        (one) => target === one || target.startsWith(`${one.replace(/\/$/, '')}/`),
      );
      if (!ok) wrong.push(`${source.path} (${room}) imports ${target}`);
    }
  }
  t.deepEqual(wrong, []);
});

/** Purity is what a file claims in its first comment, and what the rooms that decide are. */
const PURE_ROOMS = /^(agent\/core|agent\/model|autoscaler\/policy)\//;
const CLAIMS_PURE = /^(?:(?:import|export)[^;]*;\s*)*\/\*\*(?:(?!\*\/)[\s\S])*?\bPure\b[.;:,]/;
/** Of node's own modules these have no state and no I/O. */
const STATELESS = /^node:(assert|buffer|path|util)$/;
const IMPURE_MODULES = /^(undici|execa|ws|@grpc|pino)/;
const IMPURE_CALLS =
  /\b(Date\.now|new Date\(|Math\.random|performance\.now|process\.(?:hrtime|env|pid)|setTimeout|setInterval|hostClock)\b/;

function impurities({ path, code, imports }: Source): string[] {
  const modules = imports.filter(
    (one) => (one.startsWith('node:') && !STATELESS.test(one)) || IMPURE_MODULES.test(one),
  );
  const call = IMPURE_CALLS.exec(code);
  return [
    ...modules.map((one) => `${path} imports ${one}`),
    ...(call ? [`${path} calls ${call[1]}`] : []),
  ];
}

test('what decides, and every file that calls itself pure, has no clock, I/O or randomness', (t) => {
  const pure = SOURCES.filter(({ path, text }) => PURE_ROOMS.test(path) || CLAIMS_PURE.test(text));
  t.true(pure.length > 60, `only ${pure.length} files were held to it`);
  t.deepEqual(pure.flatMap(impurities), []);
});

test('private members are #private, the one dialect', (t) => {
  const typed = SOURCES.flatMap(({ path, code }) =>
    [...code.matchAll(/^\s+(?:private|protected) (?!constructor\b).*$/gm)].map(
      ([line]) => `${path}: ${line.trim()}`,
    ),
  );
  t.deepEqual(typed, []);
});

/** Code above the interface to VMMs; a command may name one in its help. */
const ABOVE = /^(agent|autoscaler|cli)\//;
const VMM_NAMES = /\b(qemu|cloud.?hypervisor|qmp)\b/i;
/** Shown in help texts; told to people, never compared. */
const COMMANDS_THAT_NAME = [
  'cli/agent-config/keys.ts',
  'cli/agent-config/vmm-keys.ts',
  'cli/agent-config/vmms.ts',
  'cli/commands/agent.ts',
  'cli/commands/bench-memento.ts',
  'cli/commands/bench-reclaim.ts',
  'cli/commands/profile-run.ts',
];
const KINDS = [...DRIVERS.names, 'fake'].join('|');
const ASKS = new RegExp(`(\\bvmm|\\.kind)\\s*[!=]==?\\s*'(${KINDS})'|case '(${KINDS})'`);

test('nothing above the interface to VMMs asks which one it is', (t) => {
  const wrong: string[] = [];
  for (const { path, code, imports } of SOURCES.filter((one) => ABOVE.test(one.path))) {
    const named = VMM_NAMES.exec(code);
    if (named && !COMMANDS_THAT_NAME.includes(path)) wrong.push(`${path} names ${named[0]}`);
    const asked = ASKS.exec(code);
    if (asked) wrong.push(`${path} asks ${asked[0]}`);
    const driver = imports.find((one) => /hypervisor-client\/(qemu|cloud-hypervisor)\//.test(one));
    if (driver !== undefined) wrong.push(`${path} imports ${driver}`);
  }
  t.deepEqual(wrong, []);
});

/** Whatever differs between mechanisms is a field of their table. */
const ASKS_MECHANISM =
  /mechanism\)?\s*[!=]==?\s*['"]|mechanism\.(startsWith|includes)\(|case '(hotmem|numa|static|virtio-mem)'/;

test('how a mechanism works is read from its row, never asked by its name', (t) => {
  const wrong = SOURCES.flatMap(({ path, code }) => {
    const asked = ASKS_MECHANISM.exec(code);
    return asked ? [`${path} asks ${asked[0]}`] : [];
  });
  t.deepEqual(wrong, []);
});

test('a program is run with an environment that is chosen, never with all of ours', (t) => {
  const running = SOURCES.filter(({ code }) => /\bexeca\(/.test(code));
  t.true(running.length > 8, `only ${running.length} files run a program`);
  const wrong = running.filter(
    ({ code }) => code.split(/\bexeca\(/).length !== code.split('extendEnv: false').length,
  );
  t.deepEqual(
    wrong.map(({ path }) => path),
    [],
  );
});

test('no source file is longer than 400 lines', (t) => {
  const long = SOURCES.filter(({ text }) => text.split('\n').length > 401).map(({ path }) => path);
  t.deepEqual(long, []);
});

test('a line is at most 100 columns wide, or a text that cannot be cut there', (t) => {
  const files = readLined();
  t.true(files.length > 600, `only ${files.length} files were seen`);
  const long = files.flatMap(([path, text]) => tooLong(text).map((line) => `${path}:${line}`));
  t.deepEqual(long, []);
});
