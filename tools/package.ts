/**
 * `npm run package`: a Debian package of what is compiled here, its dependencies, the Node it runs
 * on, the guest images in the cache, a unit for systemd and a user for it. Its name is printed.
 *
 *   --out DIR     where it is written (default: the working folder)
 *   --no-images   without guest images: the host builds its own
 */
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { z } from 'zod';
import { CLI_PROGRAM, PROJECT_ROOT } from '../base/paths.ts';
import { toolEnvironment } from '../base/tool-environment.ts';
import { CONFIG_KEYS, type ConfigKey } from '../cli/agent-config/keys.ts';

const PACKAGING = join(PROJECT_ROOT, 'packaging');
const LIBRARY = 'usr/lib/hotplane';
const IMAGES = `/${LIBRARY}/images`;
/** What Debian calls the machines that Node calls so. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

async function run(program: string, args: readonly string[], cwd = PROJECT_ROOT): Promise<void> {
  const env = { ...toolEnvironment(), npm_config_update_notifier: 'false' };
  const stdio = ['ignore', 2, 2] as const;
  await execa(program, args, { cwd, env, extendEnv: false, stdio: [...stdio] });
}

/**
 * What is other in a package than the usual: members of group hotplane may call the agent, and an
 * upgrade, which restarts it, leaves VMs running, each within a limit where the host has cgroup v2.
 * Quoted, since YAML reads 0660 as a number.
 */
const SET: Readonly<Record<string, string>> = {
  socket_group: 'hotplane',
  socket_mode: '"0660"',
  keep_vms: 'true',
  cgroup: 'auto',
};

/** Every key with its doc line, switched off but for those that a package sets. Pure. */
function renderConfigFile(keys: readonly ConfigKey[], with_images: boolean): string {
  const set: Readonly<Record<string, string>> = with_images ? { ...SET, images: IMAGES } : SET;
  const head = [
    '# Configuration of the hotplane agent: every key there is, with its default. What is wrong here',
    "# is told by 'hotplane config check'; /usr/share/doc/hotplane/configuration.md says more.",
    '',
  ];
  const rows = keys.flatMap(({ name, doc, default: usual, otherwise }) => {
    const off = `#${name}: ${otherwise === undefined ? (usual ?? '') : `...  (${otherwise})`}`;
    const value = set[name];
    return [`# ${doc}`, value === undefined ? off.replaceAll('`', '') : `${name}: ${value}`, ''];
  });
  return [...head, ...rows].join('\n');
}

const packageSchema = z.object({ version: z.string(), description: z.string() });

async function controlText(kib: number): Promise<string> {
  const text = await readFile(join(PROJECT_ROOT, 'package.json'), 'utf8');
  const { version, description } = packageSchema.parse(JSON.parse(text));
  return [
    'Package: hotplane',
    `Version: ${version}`,
    `Architecture: ${ARCHITECTURES[process.arch] ?? process.arch}`,
    'Maintainer: The hotplane project <hotplane@localhost>',
    'Depends: libc6, libstdc++6, systemd, util-linux, qemu-system-x86 | qemu-system-arm',
    'Section: admin',
    'Priority: optional',
    `Installed-Size: ${kib}`,
    'Description: control plane for memory hot(un)plug in microVMs',
    ` ${description}`,
    '',
  ].join('\n');
}

/** Of every package that running it takes: as they were installed here, so no network is asked. */
async function installedFolders(): Promise<readonly string[]> {
  const args = ['ls', '--omit=dev', '--omit=peer', '--all', '--parseable'];
  const options = { cwd: PROJECT_ROOT, env: toolEnvironment(), extendEnv: false } as const;
  const { stdout } = await execa('npm', args, options);
  const inside = join(PROJECT_ROOT, 'node_modules');
  return stdout.split('\n').filter((folder) => folder.startsWith(inside));
}

/** The sources compiled, with what package-lock.json names for running them, and no more. */
async function stageProgram(stage: string): Promise<void> {
  const library = join(stage, LIBRARY);
  await mkdir(library, { recursive: true });
  await run(process.execPath, [join('setup', 'build.js')]);
  for (const name of ['dist', 'package.json', 'LICENSE']) {
    await cp(join(PROJECT_ROOT, name), join(library, name), { recursive: true });
  }
  for (const folder of await installedFolders()) {
    await cp(folder, join(library, relative(PROJECT_ROOT, folder)), { recursive: true });
  }
  const bundled = join(library, 'node_modules', `node-linux-${process.arch}`);
  await mkdir(join(library, 'node', 'bin'), { recursive: true });
  await cp(join(bundled, 'bin', 'node'), join(library, 'node', 'bin', 'node'));
  await cp(join(bundled, 'LICENSE'), join(library, 'node', 'LICENSE'));
  await rm(bundled, { recursive: true });
}

/** [from packaging/ or docs/, to, mode]. */
const FILES: readonly (readonly [string, string, number])[] = [
  ['packaging/hotplane', 'usr/bin/hotplane', 0o755],
  ['packaging/hotplane-agent.service', 'usr/lib/systemd/system/hotplane-agent.service', 0o644],
  ['packaging/keep-vms-group', `${LIBRARY}/keep-vms-group`, 0o755],
  ['packaging/hotplane-vms.service', 'usr/lib/systemd/system/hotplane-vms.service', 0o644],
  ['packaging/sysusers.conf', 'usr/lib/sysusers.d/hotplane.conf', 0o644],
  ['docs/configuration.md', 'usr/share/doc/hotplane/configuration.md', 0o644],
  ['docs/metrics.md', 'usr/share/doc/hotplane/metrics.md', 0o644],
  ['LICENSE', 'usr/share/doc/hotplane/copyright', 0o644],
];

async function stageFiles(stage: string, with_images: boolean): Promise<void> {
  for (const [from, to, mode] of FILES) {
    await mkdir(join(stage, to, '..'), { recursive: true });
    await cp(join(PROJECT_ROOT, from), join(stage, to));
    await chmod(join(stage, to), mode);
  }
  await mkdir(join(stage, 'etc', 'hotplane'), { recursive: true });
  const config = renderConfigFile(CONFIG_KEYS, with_images);
  await writeFile(join(stage, 'etc', 'hotplane', 'agent.yaml'), config);
}

async function stageControl(stage: string): Promise<void> {
  const { stdout } = await execa('du', ['-sk', stage], {
    env: toolEnvironment(),
    extendEnv: false,
  });
  const folder = join(stage, 'DEBIAN');
  await mkdir(folder);
  await writeFile(join(folder, 'control'), await controlText(Number.parseInt(stdout, 10)));
  await writeFile(join(folder, 'conffiles'), '/etc/hotplane/agent.yaml\n');
  for (const name of ['postinst', 'prerm', 'postrm']) {
    await cp(join(PACKAGING, name), join(folder, name));
    await chmod(join(folder, name), 0o755);
  }
}

async function makePackage(out: string, with_images: boolean): Promise<string> {
  const stage = await mkdtemp(join(tmpdir(), 'hotplane-deb-'));
  try {
    await chmod(stage, 0o755);
    await stageProgram(stage);
    if (with_images) {
      const to = ['--out', join(stage, IMAGES), '--variant', 'hotmem'];
      await run(process.execPath, [CLI_PROGRAM, 'images', 'export', ...to]);
    }
    await stageFiles(stage, with_images);
    await run('chmod', ['-R', 'u=rwX,go=rX', stage]);
    await stageControl(stage);
    const build = ['--root-owner-group', '-Zzstd', '-z3', '--build', stage, out];
    await execa('dpkg-deb', build, { env: toolEnvironment(), extendEnv: false, stdio: 'inherit' });
    return out;
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: '.' }, 'no-images': { type: 'boolean' } },
  });
  await makePackage(resolve(values.out), values['no-images'] !== true);
}
