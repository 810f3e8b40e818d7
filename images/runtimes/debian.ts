/** Debian packages for base runtimes, chosen, fetched and checked by apt, which installs none. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import { toolEnvironment } from '../../base/tool-environment.ts';
import { imageError } from '../errors.ts';
import { IMAGE_LIMITS } from '../limits.ts';

/** One version of a package, e.g. `libc6` and `2.36-9+deb12u14`. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
}

/** Only what Debian itself publishes: a host may have other sources of the same names. */
const PREFERENCES = `Package: *
Pin: release o=Debian
Pin-Priority: 990

Package: *
Pin: release o=*
Pin-Priority: 1
`;

const option = (name: string, value: string): string[] => ['-o', `${name}=${value}`];

export class Apt {
  readonly #dir: string;
  readonly #options: readonly string[];

  /** Works in a scratch folder of its own. */
  constructor(dir: string) {
    this.#dir = dir;
    this.#options = [
      // A host where nothing is installed, so that everything needed is named.
      ...option('Dir::State::status', join(dir, 'status')),
      ...option('Dir::Etc::preferences', join(dir, 'preferences')),
      ...option('Dir::Etc::preferencesparts', '/dev/null'),
      ...option('Dir::Cache', join(dir, 'cache')),
      ...option('Debug::NoLocking', '1'),
      ...option('APT::Sandbox::User', ''),
      ...option('APT::Install-Recommends', '0'),
    ];
  }

  async setUp(): Promise<void> {
    await mkdir(join(this.#dir, 'debs'), { recursive: true });
    await writeFile(join(this.#dir, 'status'), '');
    await writeFile(join(this.#dir, 'preferences'), PREFERENCES);
  }

  /** These packages and all they depend on, by name. Throws HP_IMAGE_PACKAGE. */
  async closure(names: readonly string[]): Promise<readonly DebianPackage[]> {
    const text = await this.#run('apt-get', ['-qq', '--print-uris', '-y', 'install', ...names]);
    const found = parseUris(text);
    if (found.length > 0) return found;
    throw imageError('HP_IMAGE_PACKAGE', `apt names no package for ${names.join(', ')}.`);
  }

  /** Paths of their archives, in the same order. Throws HP_IMAGE_PACKAGE. */
  async fetch(packages: readonly DebianPackage[]): Promise<readonly string[]> {
    const wanted = packages.map(({ name, version }) => `${name}=${version}`);
    const debs = join(this.#dir, 'debs');
    await this.#run('apt-get', ['-q', 'download', ...wanted], debs);
    const files = await readdir(debs);
    return packages.map(({ name, version }) => {
      const start = `${name}_${version.replaceAll(':', '%3a')}_`;
      const file = files.find((one) => one.startsWith(start));
      if (file !== undefined) return join(debs, file);
      throw imageError('HP_IMAGE_PACKAGE', `apt fetched no ${name} of version ${version}.`);
    });
  }

  async #run(tool: string, args: readonly string[], cwd = this.#dir): Promise<string> {
    const result = await execa(tool, [...this.#options, ...args], {
      cwd,
      env: toolEnvironment(),
      extendEnv: false,
      reject: false,
      timeout: IMAGE_LIMITS.package_download_ms,
      maxBuffer: IMAGE_LIMITS.apt_output_bytes,
    });
    if (!result.failed) return result.stdout;
    const said = result.stderr.split('\n').find((line) => line.startsWith('E:'));
    throw imageError('HP_IMAGE_PACKAGE', `${tool} failed: ${said ?? result.shortMessage}`, {
      cause: result,
    });
  }
}

/** `'URI' NAME_VERSION_ARCH.deb SIZE HASH` lines, in which `:` of a version is `%3a`. Pure. */
export function parseUris(text: string): readonly DebianPackage[] {
  return text
    .split('\n')
    .flatMap((line) => {
      const [, name, version] = /^'[^']*' ([^_ ]+)_([^_ ]+)_[^_ ]+\.deb \d+ /.exec(line) ?? [];
      if (name === undefined || version === undefined) return [];
      return [{ name, version: version.replaceAll('%3a', ':') }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The files of a package as a tar; fails when `dpkg-deb` does. */
export function filesOf(deb: string): {
  readonly bytes: Readable;
  readonly end: () => Promise<void>;
} {
  const child = spawn('dpkg-deb', ['--fsys-tarfile', deb], {
    env: toolEnvironment(),
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: IMAGE_LIMITS.package_download_ms,
  });
  const ended = once(child, 'close');
  ended.catch(() => undefined);
  return {
    bytes: child.stdout,
    end: async () => {
      const [code] = await ended;
      if (code === 0) return;
      throw imageError('HP_IMAGE_PACKAGE', `dpkg-deb cannot unpack ${deb} (${String(code)}).`);
    },
  };
}
