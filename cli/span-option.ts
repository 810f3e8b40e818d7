/** `NAME=SIZE`: a span, as commands are told of one; where it is deployed also `NAME=SIZE@NODE`. */
import { SPAN_NAME, type SpanSpec } from '../agent/model/span-spec.ts';
import { DEVICE_BLOCK_BYTES, parseBytes } from '../base/units.ts';
import { HOST_NODE_MAX } from '../hypervisor-client/host/host-nodes.ts';
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

/** All that a function is to have. Throws HP_CLI_BAD_VALUE. */
export function spanSpecsOf(values: Values): SpanSpec[] {
  return values.list('span').map((given) => {
    const [, name = '', size = '', node] = /^([^=]+)=([^@]+)(?:@(\d{1,4}))?$/.exec(given) ?? [];
    const max_bytes = parseBytes(size);
    const host_node = node === undefined ? null : Number(node);
    const is_sized = max_bytes !== null && max_bytes >= DEVICE_BLOCK_BYTES;
    if (!SPAN_NAME.test(name) || !is_sized || (host_node ?? 0) > HOST_NODE_MAX) {
      const wanted = 'NAME=SIZE like data=1GiB, of at least 2MiB, or data=1GiB@1 for host node 1';
      throw badValue('span', given, wanted);
    }
    return { name, max_bytes, host_node };
  });
}
