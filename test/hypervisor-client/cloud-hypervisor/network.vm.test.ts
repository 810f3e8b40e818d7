/**
 * Goal: functions on a bridge are kept apart, with VMs of the real Cloud Hypervisor, and leave no
 * device. Method: test/agent/network/kept-apart.ts, where CLOUD_HYPERVISOR names it and KVM can run
 * a guest; what more there is of networks is the agent's, and tried with QEMU.
 */
import { hostClock } from '../../../base/clock.ts';
import { waitFor } from '../../../base/wait.ts';
import { functionsAreKeptApart, tapsOf } from '../../agent/network/kept-apart.ts';
import { networkStage } from '../../agent/network/stage.ts';
import { whyNoNamespaces } from '../../netns.ts';
import { realGuestTest } from './real-binary.ts';

/** A machine may be emulated twice: one command takes minutes there beside other work. */
const DEADLINE_MS = 1_200_000;

const why = await whyNoNamespaces();
if (why !== null) console.log(`skipped: ${why}`);
const check = why === null ? await realGuestTest() : null;

check?.('real: functions on a bridge fetch from a server there, and are kept apart', async (t) => {
  t.timeout(3 * DEADLINE_MS);
  const here = await networkStage(t, { vmm: 'cloud-hypervisor', deadline_ms: DEADLINE_MS });
  const agent = await here.startAgent();
  await functionsAreKeptApart(t, here);
  t.is((await tapsOf(here)).length, 2, 'one for each VM that has a network');
  agent.kill('SIGTERM');
  const look = async () => ((await tapsOf(here)).length === 0 ? true : null);
  t.true(await waitFor(look, { clock: hostClock, deadline_ms: DEADLINE_MS }), 'each goes');
});
