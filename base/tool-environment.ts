/**
 * The environment of every program that is run for its result: an allow-list, so that what a user
 * exported for work of his own (KBUILD_OUTPUT, MAKEFLAGS, CC, TAR_OPTIONS, GIT_DIR, LD_PRELOAD,
 * NODE_OPTIONS, ...) neither changes what comes out nor leads into his files.
 */

/** Who and where we are, and how a package manager reaches the network. */
const PASSED = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'http_proxy',
  'https_proxy',
  'ftp_proxy',
  'no_proxy',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
] as const;

/** Where Debian has the programs we run; for a caller without any PATH (cron, units). */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * The environment for a tool: what is passed on of `env`, messages in English, and `extra`. Give it
 * whole, not as an addition (`extendEnv: false` of execa). Relative parts of PATH are left out:
 * they would name other programs in every working folder.
 */
export function toolEnvironment(
  extra: Readonly<Record<string, string>> = {},
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED) {
    const value = env[name];
    if (value !== undefined && value !== '') passed[name] = value;
  }
  const path = (passed['PATH'] ?? '').split(':').filter((part) => part.startsWith('/'));
  return { ...passed, PATH: path.join(':') || DEFAULT_PATH, LC_ALL: 'C', ...extra };
}

/** The same for a VMM, which may be a build of the user's own beside the libraries it needs. */
export function vmmEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const libraries = env['LD_LIBRARY_PATH'];
  return toolEnvironment(libraries ? { LD_LIBRARY_PATH: libraries } : {}, env);
}
