// The environment of npm and apt: what a user exported for work of his own (NODE_ENV=production,
// npm_config_omit, NODE_OPTIONS, ...) must not decide what is installed.

/** Who and where we are, and how the network is reached. */
const PASSED =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|TERM|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|(https?|ftp|no)_proxy|(HTTPS?|NO)_PROXY)$/;
/** Where npm gets packages from and keeps them; not which, nor where to. */
const NPM_PASSED =
  /^npm_config_(registry|.*:registry|\/\/.*|proxy|https_proxy|noproxy|ca|cafile|cert|key|strict_ssl|cache|userconfig|globalconfig|offline|prefer_offline|fetch_.*)$/i;

export function plainEnvironment(env = process.env) {
  const entries = Object.entries(env).filter(
    ([name, value]) => value !== '' && (PASSED.test(name) || NPM_PASSED.test(name)),
  );
  return { ...Object.fromEntries(entries), LC_ALL: 'C' };
}
