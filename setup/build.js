// Builds dist/, what an installed package runs: JavaScript with declarations, laid out like the
// sources, beside it every file that the code reads. `npm pack` calls it (prepack). Plain
// JavaScript, since Node strips no types of its own accord before version 22.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const FOLDERS = [
  'agent',
  'autoscaler',
  'bench',
  'guest',
  'hypervisor-client',
  'images',
  'guest-kernel-patches',
];
/** What the code reads, and the licence of the data that goes with it. */
const ASSET =
  /\.(proto|c|h|csv|patch|config)$|^guest-kernel-patches\/(newer\/)?(series|REVISION|base)$|^autoscaler\/traces\/.*\.md$|^autoscaler\/profile\/workloads\/|^images\/(?:runtimes\/files|functions)\//;

function compile() {
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const result = spawnSync(tsc, ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  if (result.status === 0) return;
  process.stderr.write('hotplane build: tsc failed; run npm install, and mend what it says.\n');
  process.exit(1);
}

function copyAssets() {
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const path = join(folder, entry);
      if (!ASSET.test(path) || !statSync(join(root, path)).isFile()) continue;
      mkdirSync(dirname(join(dist, path)), { recursive: true });
      copyFileSync(join(root, path), join(dist, path));
    }
  }
}

function git(...args) {
  const { PATH = '', HOME = '' } = process.env;
  const result = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8', env: { PATH, HOME } });
  return result.status === 0 ? result.stdout.trim() : null;
}

/** dist is a project root of its own to the code in it: see PROJECT_ROOT in base/paths.ts. */
function describe() {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const commit = existsSync(join(root, '.git')) ? git('rev-parse', '--verify', 'HEAD') : null;
  const changes = commit === null ? null : git('status', '--porcelain', '--untracked-files=no');
  const built = { commit, is_dirty: changes === null ? null : changes !== '' };
  const text = JSON.stringify({ name, version, type: 'module', private: true, built }, null, 2);
  writeFileSync(join(dist, 'package.json'), `${text}\n`);
}

rmSync(dist, { recursive: true, force: true });
compile();
copyAssets();
describe();
