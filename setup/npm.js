// The npm dependencies: looked at, not believed. Whatever package-lock.json names for this machine
// must be there, in its version and with its programs; else npm installs it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { plainEnvironment } from './environment.js';

/** npm reads these from many files; said here, they are the same for everybody. */
const ARGUMENTS = [
  'install',
  '--no-save',
  '--no-fund',
  '--no-audit',
  '--ignore-scripts',
  '--include=dev',
  '--include=optional',
  '--package-lock',
  '--no-global',
  '--no-dry-run',
  '--install-strategy=hoisted',
  '--loglevel=error',
];

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function fits(list, value) {
  return list === undefined || list.includes(value);
}

function isForThisMachine({ os, cpu, libc }) {
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, 'glibc');
}

/** Names of the programs of a package, as npm links them. */
function programs(path, { bin }) {
  if (bin === undefined) return [];
  return typeof bin === 'string' ? [basename(path)] : Object.keys(bin);
}

/**
 * What of package-lock.json is missing below `root`, a line each. `optional` ones are for this
 * machine, but a registry need not have them; the bundled Node is required when it is needed.
 */
export function missingPackages(root, needs_node) {
  const lock = readJson(join(root, 'package-lock.json'));
  if (lock === null) return { required: ['package-lock.json cannot be read'], optional: [] };
  const missing = { required: [], optional: [] };
  for (const [path, entry] of Object.entries(lock.packages)) {
    if (path === '' || entry.link || !isForThisMachine(entry)) continue;
    const bundled = path === `node_modules/node-${process.platform}-${process.arch}`;
    const is_required = bundled ? needs_node : !entry.optional;
    // Optional without a machine are those that only others among them need.
    if (!is_required && entry.cpu === undefined) continue;
    missing[is_required ? 'required' : 'optional'].push(...missingOf(root, path, entry));
    if (bundled && needs_node && !runs(join(root, path, 'bin', 'node'))) {
      missing.required.push('the bundled Node');
    }
  }
  return missing;
}

function missingOf(root, path, entry) {
  const found = readJson(join(root, path, 'package.json'));
  if (found?.version !== entry.version) return [`${path} (${found?.version ?? 'not there'})`];
  if (path.lastIndexOf('node_modules/') !== 0) return [];
  return programs(path, entry)
    .filter((name) => !existsSync(join(root, 'node_modules', '.bin', name)))
    .map((name) => `program ${name}`);
}

function runs(program) {
  return spawnSync(program, ['--version'], { env: plainEnvironment() }).status === 0;
}

/** Exit code: 0 when all is there now, 3 when it could not be had. Offline is fine when it is. */
export async function ensureNpmDependencies(root, needs_node, say) {
  const before = missingPackages(root, needs_node);
  if (before.required.length + before.optional.length === 0) return 0;
  say('set-up: npm dependencies (about 20 s)');
  const child = spawn('npm', ARGUMENTS, {
    cwd: root,
    env: plainEnvironment(),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot run npm: ${error.message}`));
    child.once('exit', (code) =>
      resolve(code === 0 ? null : 'npm install failed, as it says above'),
    );
  });
  const { required } = missingPackages(root, needs_node);
  if (required.length === 0) return 0;
  say(`hotplane set-up: ${failure ?? 'npm left something out'}; missing: ${required[0]}`);
  say('Mend that (registry, proxy, permissions) and try again.');
  return 3;
}
