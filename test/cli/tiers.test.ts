/**
 * Goal: `hotplane tiers` tells what the nodes of a host have, were given and cost, and unknown
 * where nobody said or measured it.
 */
import test from 'ava';
import { execa } from 'execa';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { PROJECT_ROOT } from '../../base/paths.ts';
import { GIB } from '../../base/units.ts';
import { readHostNodes } from '../../hypervisor-client/host/host-nodes.ts';
import { cpuNumbers, measureNodes } from '../../hypervisor-client/host/node-latency.ts';
import { serve } from '../agent/api/serving.ts';

const toldSchema = z.object({
  agent: z.boolean(),
  any_node: z.object({ limit_bytes: z.number() }).nullable(),
  nodes: z.array(
    z.object({
      node: z.number(),
      limit_bytes: z.number().nullable(),
      granted_bytes: z.number().nullable(),
      latency_ns: z.number().nullable(),
      penalty_ns: z.number().nullable(),
      penalty_source: z.string().nullable(),
    }),
  ),
});

async function tiers(words: readonly string[]) {
  const argv = ['cli/main.ts', 'tiers', ...words];
  return await execa(process.execPath, argv, { cwd: PROJECT_ROOT, reject: false });
}

const [first] = readHostNodes();
const withNode = first ? test : test.skip;

withNode('limits are those of the agent, penalties those that are stated', async (t) => {
  const node = first?.node ?? 0;
  const bounds = { node_limits: [{ node, bytes: GIB }] };
  const { socket_path } = await serve(t, 4 * GIB, { bounds });
  const words = ['--json', '--socket', socket_path, '--penalty', `${node}=80`];
  const { stdout, stderr } = await tiers(words);
  t.is(stderr, '');
  const told = toldSchema.parse(JSON.parse(stdout));
  t.is(told.any_node?.limit_bytes, 3 * GIB);
  t.like(told.nodes[0], {
    node,
    limit_bytes: GIB,
    granted_bytes: 0,
    latency_ns: null,
    penalty_ns: 80,
    penalty_source: 'stated',
  });
});

withNode('without an agent, and without a figure, it is unknown', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'hotplane-tiers-'));
  t.teardown(async () => await rm(dir, { recursive: true, force: true }));
  const nowhere = ['--socket', join(dir, 'agent.sock')];
  const told = toldSchema.parse(JSON.parse((await tiers([...nowhere, '--json'])).stdout));
  t.false(told.agent);
  const unknown = {
    limit_bytes: null,
    granted_bytes: null,
    penalty_ns: null,
    penalty_source: null,
  };
  t.like(told.nodes[0], unknown);
  const { stdout } = await tiers(nowhere);
  t.regex(stdout, /unknown +unknown\n/);
  t.regex(stdout, /no agent is there: limits are unknown/);
});

test('what is stated is a node and nanoseconds, or refused', async (t) => {
  for (const text of ['x', '1', '1=', '1=-3', '=80']) {
    const { exitCode, stderr } = await tiers(['--penalty', text]);
    t.is(exitCode, 2, text);
    t.regex(stderr, /HP_CLI_BAD_VALUE: --penalty/);
  }
});

test('lists of CPUs are read as the kernel writes them', (t) => {
  t.deepEqual(cpuNumbers('0-2,7\n'), [0, 1, 2, 7]);
  t.deepEqual(cpuNumbers('\n'), []);
});

withNode('a load takes time, and the median lies within the rounds', async (t) => {
  const node = first?.node ?? 0;
  const told = await measureNodes([node], node);
  // Null: this host does not let it be measured.
  for (const { least_ns, latency_ns, most_ns } of told ?? []) {
    t.true(least_ns > 0.1 && least_ns <= latency_ns && latency_ns <= most_ns);
  }
  t.is(await measureNodes([1_000], node), null, 'a node that is not there');
});
