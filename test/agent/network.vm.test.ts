/**
 * Goal: functions on a bridge are kept apart, over a stop and another agent, and leave no device.
 * Method: network/kept-apart.ts, with VMs of QEMU; then what they keep and what goes.
 */
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readHandle } from '../../hypervisor-client/index.ts';
import { whyNoNamespaces } from '../netns.ts';
import { functionsAreKeptApart, tapsOf } from './network/kept-apart.ts';
import { FIRST, FIRST_OTHER, networkStage, OUTSIDE, PORT, type Stage } from './network/stage.ts';

const why = await whyNoNamespaces();
/** The first of VMMs, where this is root's: then each VMM has a user of its own. */
const USER = 396_100;
const USERS = 100;
const is_root = process.getuid?.() === 0;
const run = why === null ? test.serial : test.serial.skip;
if (why !== null) console.log(`skipped: ${why}`);

run('functions on a bridge fetch from a server there, and are kept apart', async (t) => {
  const users = is_root ? { vmm_uids: `${USER}-${USER + USERS - 1}` } : {};
  const here = await networkStage(t, { vmm: 'qemu', deadline_ms: 120_000, ...users });
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

  const vmm_users = await usersOf(here);
  t.is(vmm_users.length, 3);
  if (is_root) t.is(new Set(vmm_users).size, 3, 'each VMM is a user of its own');
  for (const uid of vmm_users) t.is(uid >= USER && uid < USER + USERS, is_root, `user ${uid}`);
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

/** Who runs the VMMs, by the kernel's word. */
async function usersOf({ folder }: Stage): Promise<number[]> {
  const vms = join(folder, 'state', 'vms');
  const handles = await Promise.all((await readdir(vms)).map((vm) => readHandle(join(vms, vm))));
  const pids = handles.map((handle) => handle?.pid ?? 0);
  return await Promise.all(pids.map(async (pid) => (await stat(`/proc/${pid}`)).uid));
}

async function fetchedAgain({ call }: Stage): Promise<string> {
  const fetched = await call(`first/fetch/${OUTSIDE}/${PORT}`);
  return /outside to ([\d.]+)$/.exec(fetched)?.[1] ?? fetched;
}
