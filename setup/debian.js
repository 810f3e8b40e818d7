// The Debian packages hotplane needs: listed first, installed when we may, else printed as one
// command to copy.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { plainEnvironment } from './environment.js';

const PACKAGES = JSON.parse(
  readFileSync(new URL('./debian-packages.json', import.meta.url), 'utf8'),
);
/** Another installation may hold apt's locks; it is waited for, not for ever. */
const LOCK_WAIT_MS = Number(process.env['HOTPLANE_APT_WAIT_MS'] ?? 180_000);
const LOCK_RETRY_MS = 2_000;
const LOCK_HELD = /Could not get lock|Unable to (acquire|lock)|is another process using it/i;
const HALF_DONE = /dpkg was interrupted|dpkg --configure -a/;

function query(command, args) {
  return spawnSync(command, args, { encoding: 'utf8', env: plainEnvironment() });
}

/**
 * Packages that are not installed, of those needed as the environment says; null where there is no
 * dpkg to ask.
 */
function missingPackages() {
  const missing = [];
  for (const entry of PACKAGES) {
    if (entry.when && !process.env[entry.when]) continue;
    const found = query('dpkg-query', ['-W', '-f', '${db:Status-Status}', entry.name]);
    if (found.error) return null;
    if (found.status !== 0 || found.stdout !== 'installed') missing.push(entry);
  }
  return missing;
}

/** How to become root: nothing when we are, `sudo -n` when it works without asking, else null. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return query('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : null;
}

/** Runs one apt command; `output` holds what it said. */
async function runOnce(command) {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    env: plainEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-16_384);
    });
  }
  const status = await new Promise((resolve) => {
    child.once('error', (error) => {
      output += error.message;
      resolve(-1);
    });
    child.once('close', (code) => resolve(code ?? -1));
  });
  return { status, output };
}

/** Null when it worked, else what to say. */
async function runApt(prefix, args, say) {
  const command = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', 'apt-get'];
  const end_ms = Date.now() + LOCK_WAIT_MS;
  let told = false;
  for (;;) {
    const { status, output } = await runOnce([...command, ...args]);
    if (status === 0) return null;
    const lines = output.trim().split('\n');
    if (HALF_DONE.test(output)) {
      return "an earlier installation was interrupted; run 'sudo dpkg --configure -a' first.";
    }
    if (!LOCK_HELD.test(output)) {
      return `'apt-get ${args[0]}' failed: ${lines.slice(-5).join('\n  ')}`;
    }
    if (Date.now() >= end_ms) {
      return `another installation has held apt's lock for ${LOCK_WAIT_MS / 1000} s; wait for it.`;
    }
    if (!told) say("waiting for another installation that holds apt's lock ...");
    told = true;
    await new Promise((resolve) => setTimeout(resolve, Math.min(LOCK_RETRY_MS, LOCK_WAIT_MS)));
  }
}

/** Exit code: 0 when all packages are there, 3 with one message when they are not. */
export async function ensureDebianPackages(say) {
  const missing = missingPackages();
  const names = (missing ?? PACKAGES).map((entry) => entry.name);
  if (names.length === 0) return 0;
  if (missing === null || query('apt-get', ['--version']).error) {
    say('hotplane set-up: this is no Debian (there is no dpkg or apt-get). Install what these');
    say(`packages of Debian 12 hold, and see README.md, Limits: ${names.join(' ')}`);
    return 3;
  }
  say('set-up: Debian packages that are missing:');
  for (const entry of missing) say(`  ${entry.name.padEnd(20)} ${entry.why}`);
  const prefix = rootPrefix();
  const install = ['install', '-y', '--no-install-recommends', ...names];
  if (prefix === null) {
    say('Neither root nor passwordless sudo: install them with this command, then try again:');
    say(`  sudo apt-get update && sudo apt-get ${install.join(' ')}`);
    return 3;
  }
  say('installing them with apt-get ...');
  const trouble =
    (await runApt(prefix, ['update'], say)) ?? (await runApt(prefix, install, say)) ?? null;
  if (trouble === null) return 0;
  say(`hotplane set-up: ${trouble}`);
  say('Mend that and try again.');
  return 3;
}
