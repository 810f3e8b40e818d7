import { resolve } from 'node:path';
import { jsonDocument } from '../../base/json.ts';
import { type Command, type CommandInput, JSON_OPTION } from '../command.ts';
import { badPositional } from '../errors.ts';
import { sourceOf } from '../function/source.ts';

const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/;

async function run({ positionals, values, stdout, signal }: CommandInput): Promise<void> {
  const [name = '', text = ''] = positionals;
  if (!NAME.test(name)) throw badPositional('NAME', name, 'a name like [a-z0-9][a-z0-9-]{0,62}');
  const source = sourceOf(text);
  if (source.kind !== 'image') {
    throw badPositional('IMAGE', text, 'oci-archive:FILE, docker-archive:FILE or oci:DIR');
  }
  const [{ importImage }, { findNamed }, { cacheDir }, { toldPackage }] = await Promise.all([
    import('../../images/packages/build.ts'),
    import('../../images/packages/named.ts'),
    import('../../base/paths.ts'),
    import('../function/told.ts'),
  ]);
  const cache_dir = cacheDir();
  const image = { form: source.form, path: resolve(source.path) };
  const made = await importImage(image, { cache_dir, name, signal });
  const { config } = await findNamed(cache_dir, name);
  if (values.flag('json')) {
    stdout.write(jsonDocument({ name, function: made, config }));
    return;
  }
  stdout.write(`${name}: ${toldPackage(made)}  ${made.image_path}\n`);
  const command = config?.command.join(' ') ?? '';
  stdout.write(`runs: ${command === '' ? '(it says no command)' : command}\n`);
}

export const functionImportCommand: Command = {
  name: 'function import',
  summary: 'make an OCI image, as docker, podman or buildah save it, a read-only image',
  positionals: ['NAME', 'IMAGE'],
  options: { json: JSON_OPTION },
  help: `
IMAGE is oci-archive:FILE, docker-archive:FILE (docker save) or oci:DIR (an OCI layout). It must be
for linux/amd64 and alone in its archive. Layers, whiteouts, owners and modes become one tree, held
against the digests; an archive that leads out of its tree, names devices, has more than 4 GiB or is
damaged is refused. NAME is what 'package' of a function.yaml calls it.

Example:
  podman save --format oci-archive -o shop.tar shop:1
  hotplane function import shop oci-archive:shop.tar
`,
  run,
};
