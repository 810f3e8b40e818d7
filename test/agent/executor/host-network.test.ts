/** Goal: whoever deploys a function that cannot have its network is told all that is missing. */
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import type { HostNetwork } from '../../../agent/executor/host-network.ts';
import { errorOf } from '../../../agent/model/failure.ts';
import { REFUSALS } from '../../../agent/model/refusals.ts';
import { PROJECT_ROOT } from '../../../base/paths.ts';
import { Namespace, whyNoNamespaces } from '../../netns.ts';
import { SERVER, specOf } from '../core/world.ts';
import { keepingHost } from '../ledger/keeping.ts';

const CHECK = [process.execPath, join(PROJECT_ROOT, 'test/agent/executor/network-check.ts')];
/** 10.0.0.8 */
const FIRST = 0x0a_00_00_08;
const MAKER = [
  process.execPath,
  join(PROJECT_ROOT, 'test/hypervisor-client/host/tap-maker.ts'),
].join(' ');
const why = await whyNoNamespaces();
const run = why === null ? test : test.skip;
if (why !== null) console.log(`skipped: ${why}`);

async function told(space: Namespace, before: string[] = [], ...words: string[]): Promise<string> {
  const [program = '', ...rest] = [...space.enter, ...before, ...CHECK, ...words];
  return (await execa(program, rest)).stdout;
}

test('a deploy is refused with what the host lacks, and one without a network is not asked', async (t) => {
  const network: HostNetwork = {
    dns: [],
    check: async ({ name }) => {
      throw errorOf(REFUSALS.noNetwork(name, ['CAP_NET_ADMIN is lacking']));
    },
    plan: async () => {
      throw new Error('no device is to be made');
    },
    close: async () => undefined,
  };
  const { agent, clock } = keepingHost(t, { agent: { network } });
  const asked = specOf('f', { program: SERVER, network: { bridge: 'br0' } });
  const refused = await clock.until(t.throwsAsync(agent.deploy(asked)));
  t.like(refused, { code: 'HP_AGENT_NO_NETWORK' });
  t.regex(refused?.message ?? '', /CAP_NET_ADMIN is lacking/);
  t.is(agent.state.functions.size, 0);
  await clock.until(agent.deploy(specOf('g')));
  await clock.until(agent.stop(0));
});

run('a network that can be is let through, and nothing of the trial is left', async (t) => {
  const space = await Namespace.make(t);
  await space.run('ip link add br0 type bridge');
  // The VM with the first address of the pool: the bridge knows it, and must know it after that.
  const mac = '02:68:0a:00:00:08';
  await space.run(`${MAKER} make vm br0 ${mac} ${FIRST} 1`);
  t.is(await told(space), 'it can be');
  t.deepEqual(await space.devices(), ['lo', 'br0', 'vm']);
  t.regex(await space.run('bridge fdb show br br0'), new RegExp(`^${mac} dev vm .*static`, 'm'));
});

run('what is missing is told all at once, under one code', async (t) => {
  const space = await Namespace.make(t);
  const powerless = ['setpriv', '--bounding-set=-net_admin'];
  t.deepEqual(JSON.parse(await told(space, powerless)), {
    code: 'HP_AGENT_NO_NETWORK',
    message:
      "function 'f' cannot have the network it asks for: CAP_NET_ADMIN is lacking; " +
      "this host has no bridge 'br0'.",
  });
  t.regex(await told(space, [], 'br1'), /'br1' is not among the bridges/);
});

run('where iproute2 is missing, that is told', async (t) => {
  const space = await Namespace.make(t);
  await space.run('ip link add br0 type bridge');
  const hidden = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    'mount -t tmpfs none /usr/sbin; exec "$@"',
    '-',
  ];
  const answer = await told(space, hidden);
  t.regex(answer, /HP_AGENT_NO_NETWORK.*there is no '(ip|tc)' on this host/, answer);
});
