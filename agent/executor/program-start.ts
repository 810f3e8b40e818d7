/** How the guest is told to start somebody else's program: the supervisor's arguments. Pure. */
import { PROTOCOL } from '../../guest/protocol/constants.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { TMP_BYTES_DEFAULT } from '../model/program.ts';
import type { InstanceNetwork } from '../model/network.ts';
import type { FunctionSpec } from '../model/spec.ts';

/** In the guest: the supervisor, and where the image of the function is. */
const SUPERVISOR = '/bin/runtime';
const IMAGE_ROOT = '/image/root';

/** What an instance is told of its network, and who tells it the addresses of names. */
export interface ToldNetwork extends InstanceNetwork {
  readonly dns: readonly string[];
}

/** Arguments and variables of `start`; without a program those of the built-in function. */
export function programStart(
  spec: FunctionSpec,
  instance: string,
  network: ToldNetwork | null,
  slowness = 1,
): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const { program } = spec;
  if (program === null) return { argv: spec.argv, env: {} };
  const { working_folder, user, tmp_bytes, environment, command } = program;
  const options: Readonly<Record<string, string | null>> = {
    interface: program.interface,
    function: spec.name,
    instance,
    root: IMAGE_ROOT,
    folder: working_folder,
    user,
    address: network?.address ?? null,
    gateway: network?.gateway ?? null,
    spans: spec.spans.map(({ name, max_bytes }) => `${name}=${max_bytes}`).join(',') || null,
    dns: network?.dns.join(',') || null,
    'tmp-bytes': String(tmp_bytes ?? TMP_BYTES_DEFAULT),
    'memory-bytes': String(spec.limit_bytes),
    'ready-ms': String(AGENT_LIMITS.program_ready_ms * slowness),
  };
  const told = Object.entries(options).flatMap(([name, value]) =>
    value === null ? [] : [`--${name}`, value],
  );
  const variables = environment.map((text): [string, string] => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return {
    argv: [SUPERVISOR, ...told, '--', ...command],
    env: {
      ...Object.fromEntries(variables),
      [PROTOCOL.user_variable]: PROTOCOL.user_supervisor,
    },
  };
}
