/**
 * Goal: the set-up looks at what is there, mends what is not, and says one thing when it cannot.
 * Method: the real scripts on a project of two packages, with npm, apt and dpkg as short programs
 * in PATH that play each host.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../base/paths.ts';

type Ended = Promise<{ readonly code: number; readonly said: string }>;
type Env = Readonly<Record<string, string>>;

interface Host {
  readonly root: string;
  /** What the programs were called with, a line each. */
  readonly calls: () => Promise<readonly string[]>;
  readonly program: (name: string, script: string) => Promise<void>;
  readonly npm: (needs_node?: boolean, env?: Env) => Ended;
  readonly debian: (env?: Env) => Ended;
}

function moduleOf(name: string): string {
  return JSON.stringify(join(PROJECT_ROOT, 'setup', name));
}

const NODE_PACKAGE = `node-${process.platform}-${process.arch}`;
const LOCK = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'p' },
    'node_modules/plain': { version: '1.0.0' },
    'node_modules/tool': { version: '2.0.0', dev: true, bin: { tool: 'tool.js' } },
    'node_modules/elsewhere': { version: '1.0.0', optional: true, os: ['aix'], cpu: ['ppc64'] },
    [`node_modules/${NODE_PACKAGE}`]: {
      version: '24.12.0',
      optional: true,
      os: [process.platform],
      cpu: [process.arch],
      bin: { node: 'bin/node' },
    },
  },
};

/** Puts a package in place as npm does; `$ROOT` in shell scripts is the project. */
const INSTALL = `
put() { mkdir -p "node_modules/$1"; printf '{"version":"%s"}' "$2" > "node_modules/$1/package.json"; }
mkdir -p node_modules/.bin
put plain 1.0.0; put tool 2.0.0; put ${NODE_PACKAGE} 24.12.0
touch node_modules/.bin/tool
mkdir -p node_modules/${NODE_PACKAGE}/bin
printf '#!/bin/sh\\nexit 0\\n' > node_modules/${NODE_PACKAGE}/bin/node
chmod +x node_modules/${NODE_PACKAGE}/bin/node
ln -sf ../${NODE_PACKAGE}/bin/node node_modules/.bin/node
`;

async function host(t: ExecutionContext): Promise<Host> {
  const root = await mkdtemp(join(tmpdir(), 'hotplane-setup-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const bin = join(root, 'host-bin');
  const log = join(root, 'calls');
  await mkdir(bin);
  await writeFile(log, '');
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(LOCK));
  for (const name of ['sh', 'mkdir', 'printf', 'touch', 'chmod', 'ln', 'env', 'cat', 'rm']) {
    const { stdout } = await execa('sh', ['-c', `command -v ${name}`]);
    if (stdout.startsWith('/')) await symlink(stdout, join(bin, name));
  }
  const program: Host['program'] = async (name, script) => {
    const path = join(bin, name);
    await writeFile(path, `#!/bin/sh\necho "${name} $*" >> ${log}\n${script}\n`);
    await chmod(path, 0o755);
  };
  const run = async (call: string, env: Env) => {
    const script = `${call}.then((code) => process.exit(code))`;
    const args = ['--input-type=module', '--eval', script];
    const { exitCode, all } = await execa(process.execPath, args, {
      env: { PATH: bin, HOME: root, ...env },
      extendEnv: false,
      reject: false,
      all: true,
    });
    return { code: exitCode ?? -1, said: all };
  };
  const path = JSON.stringify(root);
  return {
    root,
    program,
    calls: async () => (await readFile(log, 'utf8')).split('\n').slice(0, -1),
    npm: async (needs_node = true, env = {}) =>
      await run(
        `(await import(${moduleOf('npm.js')})).ensureNpmDependencies(${path}, ${needs_node}, console.log)`,
        env,
      ),
    debian: async (env = {}) =>
      await run(`(await import(${moduleOf('debian.js')})).ensureDebianPackages(console.log)`, env),
  };
}

/** Ways in which installed dependencies come to lack something. */
const LOSSES: readonly (readonly [string, (root: string) => Promise<void>])[] = [
  ['the bundled Node', (root) => rm(join(root, 'node_modules', NODE_PACKAGE), { recursive: true })],
  [
    "the bundled Node's program",
    (root) => rm(join(root, 'node_modules', NODE_PACKAGE, 'bin/node')),
  ],
  ['the link to the bundled Node', (root) => rm(join(root, 'node_modules/.bin/node'))],
  ['a dependency', (root) => rm(join(root, 'node_modules/plain'), { recursive: true })],
  ['a program', (root) => rm(join(root, 'node_modules/.bin/tool'))],
  [
    'the version that the lock file names',
    (root) => writeFile(join(root, 'node_modules/tool/package.json'), '{"version":"1.9.0"}'),
  ],
  [
    'a package.json, emptied',
    (root) => writeFile(join(root, 'node_modules/plain/package.json'), ''),
  ],
  ['everything', (root) => rm(join(root, 'node_modules'), { recursive: true })],
];

for (const [what, lose] of LOSSES) {
  test(`npm is asked again when ${what} is missing, and not when all is there`, async (t) => {
    const { root, npm, program, calls } = await host(t);
    await program('npm', INSTALL);
    t.is((await npm()).code, 0);
    t.is((await npm()).code, 0, 'offline and complete works');
    t.is((await calls()).length, 1);
    await lose(root);
    t.is((await npm()).code, 0);
    t.is((await calls()).length, 2);
  });
}

test('what the user exported does not decide what is installed', async (t) => {
  const { npm, program, root } = await host(t);
  await program('npm', `env > ${root}/seen\n${INSTALL}`);
  const env = {
    NODE_ENV: 'production',
    NODE_OPTIONS: '--title=x',
    npm_config_omit: 'dev',
    npm_config_production: 'true',
    npm_config_dry_run: 'true',
    npm_config_global: 'true',
    npm_config_registry: 'http://localhost:4873/',
    https_proxy: 'http://localhost:3128',
  };
  t.is((await npm(true, env)).code, 0);
  const seen = await readFile(join(root, 'seen'), 'utf8');
  t.notRegex(seen, /NODE_ENV|NODE_OPTIONS|omit|production|dry_run|global/);
  t.regex(seen, /npm_config_registry=http:\/\/localhost:4873\//);
  t.regex(seen, /https_proxy=/);
});

test('an npm that fails, is missing or leaves something out is told, with what is missing', async (t) => {
  const { npm, program } = await host(t);
  const none = await npm();
  t.is(none.code, 3);
  t.regex(none.said, /cannot run npm.*missing: node_modules\/plain/);
  await program('npm', 'exit 1');
  t.regex((await npm()).said, /npm install failed.*missing: node_modules\/plain/);
  await program('npm', `${INSTALL}\nrm -r node_modules/${NODE_PACKAGE}`);
  t.regex((await npm()).said, new RegExp(`left something out; missing: .*${NODE_PACKAGE}`));
  t.is((await npm(false)).code, 0, 'a Node that is new enough needs no bundled one');
});

const NOTHING_INSTALLED = 'exit 1';
const ALL_INSTALLED = 'printf installed';
const root_only = process.getuid?.() === 0 ? test : test.skip;

test('a complete host is left alone', async (t) => {
  const { debian, program, calls } = await host(t);
  await program('dpkg-query', ALL_INSTALLED);
  await program('apt-get', 'exit 1');
  t.is((await debian()).code, 0);
  t.true((await calls()).every((call) => call.startsWith('dpkg-query')));
});

test('without dpkg or apt the packages are named', async (t) => {
  const { debian, program } = await host(t);
  const nothing = await debian();
  t.is(nothing.code, 3);
  t.regex(nothing.said, /no Debian[\s\S]*qemu-system-x86/);
  await program('dpkg-query', NOTHING_INSTALLED);
  t.regex((await debian()).said, /no Debian/);
});

test('what only some tests need is asked for when they are', async (t) => {
  const { debian, program, calls } = await host(t);
  await program('dpkg-query', ALL_INSTALLED);
  const asksForArm64 = async () => (await calls()).some((call) => call.includes('aarch64'));
  t.is((await debian({ HOTPLANE_ARM64: '' })).code, 0);
  t.false(await asksForArm64());
  t.is((await debian({ HOTPLANE_ARM64: '1' })).code, 0);
  t.true(await asksForArm64());
});

root_only('missing packages are installed after an update', async (t) => {
  const { debian, program, calls } = await host(t);
  await program('dpkg-query', NOTHING_INSTALLED);
  await program('apt-get', '');
  t.is((await debian()).code, 0);
  const [version, update, install] = (await calls()).filter((call) => call.startsWith('apt-get'));
  t.is(version, 'apt-get --version');
  t.is(update, 'apt-get update');
  t.regex(install ?? '', /^apt-get install -y --no-install-recommends qemu-system-x86 /);
});

root_only(
  'a lock that another installation holds is waited for, said once, with an end',
  async (t) => {
    const { root, debian, program } = await host(t);
    await program('dpkg-query', NOTHING_INSTALLED);
    const held =
      'echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held" >&2; exit 100';
    const once = `[ "$1" = --version ] || [ -e ${root}/free ] || { touch ${root}/free; ${held}; }`;
    await program('apt-get', once);
    const waited = await debian({ HOTPLANE_APT_WAIT_MS: '60000' });
    t.is(waited.code, 0, waited.said);
    t.is(waited.said.split('waiting for another installation').length, 2);
    await program('apt-get', `[ "$1" = --version ] || { ${held}; }`);
    const given_up = await debian({ HOTPLANE_APT_WAIT_MS: '100' });
    t.is(given_up.code, 3);
    t.regex(given_up.said, /has held apt's lock for 0\.1 s/);
  },
);

root_only('an interrupted dpkg and a failing apt are told in their own words', async (t) => {
  const { debian, program } = await host(t);
  await program('dpkg-query', NOTHING_INSTALLED);
  const words = 'E: dpkg was interrupted, you must manually run dpkg --configure -a';
  await program('apt-get', `[ "$1" = --version ] || { echo "${words}" >&2; exit 100; }`);
  t.regex((await debian()).said, /sudo dpkg --configure -a/);
  await program('apt-get', '[ "$1" = --version ] || { echo "E: no space" >&2; exit 100; }');
  const failed = await debian();
  t.is(failed.code, 3);
  t.regex(failed.said, /'apt-get update' failed: E: no space/);
});
