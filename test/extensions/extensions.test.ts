/**
 * What it takes to add to the project: a driver, a mechanism and a policy are each the file beside
 * this one and the one line here. Everything that offers or checks names follows.
 */
import test from 'ava';
import { POLICIES } from '../../agent/core/policies.ts';
import { MECHANISMS } from '../../agent/model/mechanism.ts';
import { parseReplayOptions } from '../../autoscaler/replay/options.ts';
import { styleOf } from '../../autoscaler/report/charts/palette.ts';
import { FakeHypervisor } from '../../agent/testing/fake-hypervisor.ts';
import { hostClock } from '../../base/clock.ts';
import { parseInvokeOptions } from '../../bench/invoke/options.ts';
import { DRIVERS } from '../../hypervisor-client/drivers.ts';
import { openDrivers, openNamed } from '../../hypervisor-client/open.ts';
import { serve } from '../agent/api/serving.ts';
import { specOf, WORK } from '../agent/core/world.ts';
import { PAPER_DRIVER } from './driver.ts';
import { PAPER_MEMORY } from './mechanism.ts';
import { PAPER_POLICY } from './policy.ts';
import { emulated } from '../../agent/model/work.ts';

DRIVERS.add(PAPER_DRIVER);
MECHANISMS.add(PAPER_MEMORY);
POLICIES.add(PAPER_POLICY);

test('an invocation runs through the agent with all three of them', async (t) => {
  const hypervisor = await openNamed('paper');
  const policy = POLICIES.get('paper-only');
  const { client } = await serve(t, undefined, { hypervisor, policy });
  const spec = specOf('paper', { mechanism: 'paper-memory', keep_alive_ms: 0 });
  const deployed = await client.deploy(spec);
  t.is(deployed.vmm, 'paper 1.0');

  const records = await client.watch({ records: ['operation'] });
  const call = { function: 'paper', invocation_id: 'one', ...emulated(WORK) };
  const answer = await client.invoke(call);
  t.like(answer, { outcome: 'done', cold: true });
  const plugs: string[] = [];
  for await (const { operation } of records) {
    if (operation) plugs.push(`${operation.mechanism} ${operation.kind} ${operation.outcome}`);
    if (plugs.length === 2) break;
  }
  t.deepEqual(plugs, ['paper-memory plug done', 'paper-memory unplug done']);

  await client.deploy(specOf('stone', { mechanism: 'paper-memory' }));
  const refused = client.invoke({ ...call, function: 'stone' });
  t.like(await refused, { outcome: 'refused' });
});

test('every list that people choose from has them', async (t) => {
  const { agentCommand } = await import('../../cli/commands/agent.ts');
  const { deployCommand } = await import('../../cli/commands/deploy.ts');
  t.deepEqual(agentCommand.options['vmm']?.choices, ['auto', ...DRIVERS.names]);
  t.true(DRIVERS.names.includes('paper'));
  t.true(agentCommand.options['policy']?.choices?.includes('paper-only'));
  t.true(agentCommand.options['mechanisms']?.default?.split(',').includes('paper-memory'));
  t.true(deployCommand.options['mechanism']?.choices?.includes('paper-memory'));
});

test('a replay and a bench take the mechanism, and a report draws it as it says', (t) => {
  const mechanism = 'static,paper-memory';
  t.deepEqual(parseReplayOptions({ trace: 't', out: 'o', mechanism }).mechanisms, [
    'static',
    'paper-memory',
  ]);
  const bench = parseInvokeOptions({
    mechanism,
    starts: '1',
    rounds: '1',
    vcpus: '1',
    path: false,
  });
  t.deepEqual(bench.mechanisms, ['static', 'paper-memory']);
  t.like(styleOf('paper-memory'), { class_name: 'm-paper-memory', ...PAPER_MEMORY.line });
});

test('the VMs of the driver are found by the next agent', async (t) => {
  const kinds = (await openDrivers()).map(({ kind }) => kind);
  t.true(kinds.includes('paper'));
});

test('regions of the mechanism lie as its row says: a guest node each, nothing bound', async (t) => {
  const hypervisor = new FakeHypervisor(hostClock, undefined, { resize_ms: 0 });
  const { client } = await serve(t, undefined, { hypervisor });
  await client.deploy(specOf('paper', { mechanism: 'paper-memory', concurrency: 2 }));
  const nodes = hypervisor.vms[0]?.handle.spec.devices.map(({ guest_node }) => guest_node);
  t.deepEqual(nodes, [1, 2]);
});
