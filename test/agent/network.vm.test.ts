/**
 * Goal: functions on a bridge are kept apart, over a stop and another agent, and leave no device.
 * Method: network/kept-apart.ts, with VMs of QEMU; then what they keep and what goes.
 */
import { once } from 'node:events';
import test from 'ava';
import { whyNoNamespaces } from '../netns.ts';
import { functionsAreKeptApart, tapsOf } from './network/kept-apart.ts';
import { FIRST, FIRST_OTHER, networkStage, OUTSIDE, PORT, type Stage } from './network/stage.ts';

const why = await whyNoNamespaces();
const run = why === null ? test.serial : test.serial.skip;
if (why !== null) console.log(`skipped: ${why}`);

run('functions on a bridge fetch from a server there, and are kept apart', async (t) => {
  const here = await networkStage(t, { vmm: 'qemu', deadline_ms: 120_000 });
  const { call, deploy, hotplane } = here;
  const agent = await here.startAgent();
  const unknown = await deploy('elsewhere', 'network: {bridge: other}\n');
  t.is(unknown.code, 3, unknown.text);
  t.regex(unknown.text, /'other' is not among the bridges .* \(hpbr\)/);

  await functionsAreKeptApart(t, here);
  const status = await hotplane('status', 'first');
  const told = `network +hpbr: \\S+ ${FIRST}, \\S+ ${FIRST_OTHER}\n`;
  t.regex(status.text, new RegExp(told.replaceAll('.', '\\.')));

  // Each has its address again after a stop, though the kernel is slow to take the old one away.
  t.is((await hotplane('drain', 'first')).code, 0);
  t.regex(await call(`first/fetch/${OUTSIDE}/${PORT}`), new RegExp(`outside to ${FIRST}$`));

  const taps = await tapsOf(here);
  t.is(taps.length, 2, 'one for each VM that has a network');
  const gone = once(agent, 'exit');
  agent.kill('SIGKILL');
  await gone;
  await here.startAgent();
  t.deepEqual(await fetchedAgain(here), FIRST, 'a VM that was taken up has its address still');
  t.is((await hotplane('remove', 'second')).code, 0);
  t.is((await tapsOf(here)).length, 1);
  t.is((await hotplane('remove', 'first')).code, 0);
  t.deepEqual(await tapsOf(here), []);
});

async function fetchedAgain({ call }: Stage): Promise<string> {
  const fetched = await call(`first/fetch/${OUTSIDE}/${PORT}`);
  return /outside to ([\d.]+)$/.exec(fetched)?.[1] ?? fetched;
}
