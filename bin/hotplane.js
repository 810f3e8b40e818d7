#!/usr/bin/env node
// Starts hotplane with a Node that can run TypeScript sources. Runs itself on any Node >= 18. A
// Node >= 24.12 runs cli/main.ts right here, so that there is one process to supervise, but an
// agent becomes a Node with options of its own first; an older one is replaced by the bundled one,
// or, where Node cannot do that, watches over it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MINIMUM = [24, 12];
/**
 * Of V8, for an agent: what was just made has 64 MiB, and not up to 128, which an agent at rest
 * would never give back. The same as AGENT_NODE_OPTIONS in base/paths.ts.
 */
const AGENT_OPTIONS = ['--max-semi-space-size=32'];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** A clone has the sources; an installed package has JavaScript, for Node strips no types there. */
const [main] = ['../cli/main.ts', '../dist/cli/main.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .filter((path) => existsSync(path));

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

const isAgent = process.argv[2] === 'agent';

/** Of this process, unless somebody has said another size. */
function optionsFor(given) {
  const texts = [...given, process.env.NODE_OPTIONS ?? ''];
  const isSaid = texts.some((text) => text.includes('--max-semi-space-size'));
  return isAgent && !isSaid ? [...AGENT_OPTIONS, ...given] : given;
}

/** One process becomes the other: same pid, same terminal, same supervisor. Throws why not. */
function replaceBy(node, options) {
  process.removeAllListeners('warning');
  process.on('warning', () => {});
  process.execve(node, [node, ...options, main, ...process.argv.slice(2)], process.env);
}

/**
 * In a session of its own, so that a terminal's Ctrl-C reaches it once, through us. It ends in
 * order when its descriptor 3 ends: that is when we are gone, however that happened.
 */
function watchOver(node) {
  const child = spawn(node, [...optionsFor([]), main, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, HOTPLANE_OWNER_FD: '3' },
    detached: true,
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => endWithoutNode(`cannot run ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    // Ends as the child ended, so that a shell sees the same.
    for (const name of SIGNALS) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

function endWithoutNode(why) {
  process.stderr.write(
    `hotplane: HP_CLI_NO_NODE: ${why}. ` +
      'Next: install Node 24, or run npm install again with optional dependencies.\n',
  );
  process.exit(3);
}

if (isNewEnough()) {
  const options = optionsFor(process.execArgv);
  if (options !== process.execArgv) {
    try {
      replaceBy(process.execPath, options);
    } catch {
      // It takes more memory, and serves as well.
    }
  }
  await import(main);
} else {
  const node = bundledNode();
  if (node === null) {
    endWithoutNode(
      `Node >= ${MINIMUM.join('.')} is needed; this is ${process.version}, and there is no ` +
        `bundled one for ${process.platform}-${process.arch}`,
    );
  }
  if (typeof process.execve !== 'function') watchOver(node);
  else {
    try {
      replaceBy(node, optionsFor([]));
    } catch (error) {
      endWithoutNode(`cannot run ${node}: ${error.message}`);
    }
  }
}
