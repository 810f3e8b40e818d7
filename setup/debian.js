// The Debian packages hotplane needs: listed first, installed when we may, else printed as one
// command to copy.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const PACKAGES = JSON.parse(
  readFileSync(new URL('./debian-packages.json', import.meta.url), 'utf8'),
);

function installed(name) {
  const query = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], {
    encoding: 'utf8',
  });
  return query.status === 0 && query.stdout === 'installed';
}

/** How to become root: nothing when we are, `sudo -n` when it works without asking, else null. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : null;
}

function runAsRoot(prefix, args, say) {
  const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...args];
  const result = spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status === 0) return;
  say(result.stdout?.split('\n').slice(-10).join('\n') ?? '');
  say(result.stderr ?? String(result.error));
  say(`hotplane set-up: '${args.join(' ')}' failed; mend what it says above and try again.`);
  process.exit(3);
}

/**
 * Makes sure all packages are there; ends the process with exit code 3 and a command if it may not.
 */
export function ensureDebianPackages(say) {
  const missing = PACKAGES.filter((entry) => !installed(entry.name));
  if (missing.length === 0) return;
  say('set-up 2 of 2: Debian packages that are missing:');
  for (const entry of missing) say(`  ${entry.name.padEnd(20)} ${entry.why}`);
  const names = missing.map((entry) => entry.name);
  const prefix = rootPrefix();
  if (prefix === null) {
    say('Neither root nor passwordless sudo: install them with this command, then try again:');
    say(
      `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names.join(' ')}`,
    );
    process.exit(3);
  }
  say('installing them with apt-get ...');
  runAsRoot(prefix, ['apt-get', 'update'], say);
  runAsRoot(prefix, ['apt-get', 'install', '-y', '--no-install-recommends', ...names], say);
}
