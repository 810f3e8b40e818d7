// Entry of `npm run quickstart` and `npm test` on a machine that has nothing but git, Node >= 20
// and npm: npm dependencies and Debian packages side by side, then Node 24 takes over. Plain
// JavaScript without dependencies, since it runs before any of them is there.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { ensureDebianPackages } from './debian.js';
import { ensureNpmDependencies } from './npm.js';

const root = fileURLToPath(new URL('..', import.meta.url));
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

function isNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor >= MINIMUM_NODE[1]);
}

/** Node 24 from the npm dependency, or the running one when it is new enough. */
function findNode() {
  if (isNewEnough()) return process.execPath;
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
  test: ['tools/run.ts'],
  quick: ['tools/run.ts', '--quick'],
  watch: ['tools/run.ts', '--watch'],
  coverage: ['tools/run.ts', '--coverage'],
  'cloud-hypervisor': ['tools/cloud-hypervisor-suite.ts'],
  check: ['tools/run.ts', '--only-checks'],
};
/** The others need compilers, QEMU and the kernel's source. */
const WITHOUT_DEBIAN = ['check', 'quick', 'watch', 'coverage'];
const entry = tasks[task];
if (!entry) {
  say(`usage: node setup/run.js ${Object.keys(tasks).join('|')} [options]`);
  process.exit(2);
}
const codes = await Promise.all([
  ensureNpmDependencies(root, !isNewEnough(), say),
  WITHOUT_DEBIAN.includes(task) ? 0 : ensureDebianPackages(say),
]);
const failed = codes.find((code) => code !== 0);
process.exit(failed ?? run(findNode(), [...entry, ...rest]));
