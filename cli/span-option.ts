/** `NAME=SIZE`: a span, as commands are told of one. */
import { SPAN_NAME } from '../agent/model/spec.ts';
import { DEVICE_BLOCK_BYTES, parseBytes } from '../base/units.ts';
import { badValue } from './errors.ts';
import type { Values } from './values.ts';

/** All that were given. Throws HP_CLI_BAD_VALUE. */
export function spansOf(values: Values): { readonly name: string; readonly bytes: number }[] {
  return values.list('span').map((given) => {
    const [, name = '', size = ''] = /^([^=]+)=(.+)$/.exec(given) ?? [];
    const bytes = parseBytes(size);
    if (!SPAN_NAME.test(name) || bytes === null || bytes < DEVICE_BLOCK_BYTES) {
      throw badValue('span', given, 'NAME=SIZE like data=1GiB, of at least 2MiB');
    }
    return { name, bytes };
  });
}
