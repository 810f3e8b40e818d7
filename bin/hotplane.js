#!/usr/bin/env node
// Starts hotplane with a Node that can run TypeScript sources. Runs itself on any Node >= 18: finds
// Node >= 24.12 (the running one, else the bundled package) and hands over to cli/main.ts.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MINIMUM = [24, 12];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url));

function isNewEnough() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1]);
}

/** The Node of the optional dependency for this machine, or null. */
function bundledNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const path = join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node');
    return existsSync(path) ? path : null;
  } catch {
    return null;
  }
}

const node = isNewEnough() ? process.execPath : bundledNode();
if (node === null) {
  process.stderr.write(
    `hotplane: HP_CLI_NO_NODE: Node >= ${MINIMUM.join('.')} is needed; this is ${process.version}, ` +
      `and there is no bundled one for ${process.platform}-${process.arch}. ` +
      'Next: install Node 24, or run npm install again with optional dependencies.\n',
  );
  process.exit(3);
}

const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
// A terminal's Ctrl-C reaches the child by itself too; it takes the first and ignores repeats.
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  process.stderr.write(`hotplane: HP_CLI_NO_NODE: cannot run ${node}: ${error.message}\n`);
  process.exit(3);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  // Ends as the child ended, so that a shell sees the same.
  for (const name of SIGNALS) process.removeAllListeners(name);
  process.kill(process.pid, signal);
});
