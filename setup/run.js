// Entry of `npm run quickstart` and `npm test` on a machine that has nothing but git, Node >= 20
// and npm: npm dependencies, Debian packages, then Node 24 takes over. Plain JavaScript without
// dependencies, since it runs before any of them is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { ensureDebianPackages } from './debian.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp_path = join(root, 'node_modules', '.hotplane-lock-hash');
const MINIMUM_NODE = [24, 12];

/** Prints what a set-up step is and how far along it is; everything goes to stderr. */
function say(text) {
  process.stderr.write(`${text}\n`);
}

function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (result.error) {
    say(`hotplane set-up: cannot run ${command}: ${result.error.message}`);
    process.exit(3);
  }
  return result.status ?? 130;
}

function lockHash() {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return createHash('sha256').update(lock).digest('hex');
}

function ensureNpmDependencies() {
  const hash = lockHash();
  if (existsSync(stamp_path) && readFileSync(stamp_path, 'utf8') === hash) return;
  say('set-up 1 of 2: npm dependencies (about 20 s)');
  // Not 'npm ci': it refuses a lock file that lacks the optional packages of other platforms, which
  // a registry mirror may not carry. This installs what the lock file says all the same.
  const status = run('npm', [
    'install',
    '--no-save',
    '--no-fund',
    '--no-audit',
    '--ignore-scripts',
  ]);
  if (status !== 0) {
    say('hotplane set-up: npm could not install the dependencies; its message is above.');
    process.exit(3);
  }
  writeFileSync(stamp_path, hash);
}

/** Node 24 from the npm dependency, or the running one when it is new enough. */
function findNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1])) {
    return process.execPath;
  }
  const bundled = join(root, 'node_modules', '.bin', 'node');
  if (existsSync(bundled)) return bundled;
  say(
    `hotplane needs Node >= ${MINIMUM_NODE.join('.')}; this is ${process.version} and no bundled ` +
      `one exists for ${process.platform}-${process.arch}. Install Node 24 and try again.`,
  );
  return process.exit(3);
}

const [task, ...rest] = process.argv.slice(2);
const tasks = {
  quickstart: ['cli/main.ts', 'quickstart'],
  test: ['test/run.ts'],
  'cloud-hypervisor': ['test/cloud-hypervisor/run.ts'],
  check: ['test/run.ts', '--only-checks'],
};
const entry = tasks[task];
if (!entry) {
  say(`usage: node setup/run.js ${Object.keys(tasks).join('|')} [options]`);
  process.exit(2);
}
ensureNpmDependencies();
if (task !== 'check') ensureDebianPackages(say);
process.exit(run(findNode(), [...entry, ...rest]));
