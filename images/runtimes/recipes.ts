/** What each base runtime is made of. Pure. */

/** Changes whenever the same packages would become another runtime. */
export const RUNTIME_REVISION = '1';

export interface RuntimeRecipe {
  /** Debian packages; what they depend on comes with them. */
  readonly packages: readonly string[];
  /** Files of images/runtimes/files that lie in /usr/lib/hotplane. */
  readonly files: readonly string[];
  /** How the file that serves a handler is called. */
  readonly handler: readonly string[];
  /** Whether Python compiles its modules once, for all instances. */
  readonly compiles_python: boolean;
  /** Links, and where each leads, that scripts of its packages would make. */
  readonly links: Readonly<Record<string, string>>;
}

/** Of every runtime: certificates, time zones, names of protocols. */
const COMMON = ['base-files', 'ca-certificates', 'netbase', 'tzdata'];
/** With what wheels of PyPI that have C++ in them take from their host (manylinux, PEP 600). */
const PYTHON = [...COMMON, 'python3', 'libstdc++6'];

export const RUNTIMES = {
  python3: {
    packages: PYTHON,
    files: ['lambda.py'],
    handler: ['python3', '/usr/lib/hotplane/lambda.py'],
    compiles_python: true,
    links: {},
  },
  'python3-numpy': {
    packages: [...PYTHON, 'python3-numpy', 'python3-pil'],
    files: ['lambda.py'],
    handler: ['python3', '/usr/lib/hotplane/lambda.py'],
    compiles_python: true,
    links: {
      'usr/lib/x86_64-linux-gnu/libblas.so.3': 'blas/libblas.so.3',
      'usr/lib/x86_64-linux-gnu/liblapack.so.3': 'lapack/liblapack.so.3',
    },
  },
  node: {
    packages: [...COMMON, 'nodejs'],
    files: ['lambda.mjs'],
    handler: ['node', '/usr/lib/hotplane/lambda.mjs'],
    compiles_python: false,
    links: {},
  },
  static: { packages: COMMON, files: [], handler: [], compiles_python: false, links: {} },
} as const satisfies Record<string, RuntimeRecipe>;

export type RuntimeName = keyof typeof RUNTIMES;
export const RUNTIME_NAMES = [
  'python3',
  'python3-numpy',
  'node',
  'static',
] as const satisfies RuntimeName[];

/** Of no use to a program that runs: what only installs packages, or only documents. */
const LEFT_OUT_PACKAGES: ReadonlySet<string> = new Set([
  'debconf',
  'dpkg',
  'gcc-12-base',
  'gcc-14-base',
  'mawk',
  'openssl',
  'perl-base',
  'readline-common',
  'tar',
]);
export const isWantedPackage = (name: string): boolean => !LEFT_OUT_PACKAGES.has(name);

const LEFT_OUT_PATHS: readonly string[] = [
  'usr/share/bug/',
  'usr/share/doc/',
  'usr/share/doc-base/',
  'usr/share/info/',
  'usr/share/lintian/',
  'usr/share/locale/',
  'usr/share/man/',
  'usr/share/menu/',
  'usr/share/pixmaps/',
  'usr/share/applications/',
];
export const isWantedPath = (path: string): boolean =>
  !LEFT_OUT_PATHS.some((start) => path.startsWith(start));

/** What the scripts of packages would make, were they run. */
export const MADE_FILES: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/hosts': '127.0.0.1\tlocalhost\n::1\tlocalhost\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/resolv.conf': '',
};

/** Where Debian has the certificates of authorities, a file each ... */
export const CERTIFICATES_DIR = 'usr/share/ca-certificates/mozilla';
/** ... where update-ca-certificates(8) puts all of them, and where OpenSSL looks. */
export const CERTIFICATES_PATH = 'etc/ssl/certs/ca-certificates.crt';
export const OPENSSL_PATH = 'usr/lib/ssl/cert.pem';

/** Debian's merged /usr: packages still name both places. */
export const MERGED: Readonly<Record<string, string>> = {
  bin: 'usr/bin',
  lib: 'usr/lib',
  lib32: 'usr/lib32',
  lib64: 'usr/lib64',
  libx32: 'usr/libx32',
  sbin: 'usr/sbin',
};
