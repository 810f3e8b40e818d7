/**
 * Goal: a function reaches what is on the bridge it is deployed on, and no other function; without
 * a network there is nothing but loopback. Method: network namespaces of the test, under any VMM.
 */
import type { ExecutionContext } from 'ava';
import { FIRST, FIRST_OTHER, fromOutside, OUTSIDE, PORT, SECOND, type Stage } from './stage.ts';

export const ON_BRIDGE = 'network: {bridge: hpbr}\n';

/** Throws where the bridge, the agent or a VM does not come up. */
export async function functionsAreKeptApart(t: ExecutionContext, here: Stage): Promise<void> {
  const { call, deploy } = here;
  for (const [name, network] of [
    ['first', ON_BRIDGE],
    ['second', ON_BRIDGE],
    ['alone', ''],
  ] as const) {
    const { code, text } = await deploy(name, network);
    t.is(code, 0, text);
  }
  const fetched = await call(`first/fetch/${OUTSIDE}/${PORT}`);
  t.regex(fetched, new RegExp(`^at ${FIRST}\n`));
  t.regex(fetched, new RegExp(`hello from outside to ${FIRST}$`));
  t.regex(await call('second/look'), new RegExp(`^at ${SECOND}\n`));

  const looked = await call('first/look');
  t.regex(looked, /\/etc\/resolv.conf: nameserver 10.77.0.2\n.*nameserver 10.77.0.1\n/);
  t.deepEqual(devicesIn(looked), ['lo', 'net0']);
  const alone = await call('alone/look');
  t.regex(alone, /^at none\n/);
  t.deepEqual(devicesIn(alone), ['lo'], 'nothing but loopback');
  t.regex(await call(`alone/fetch/${OUTSIDE}/${PORT}`), /failed: Network is unreachable/);

  // Two instances of the first: one waits while the other is started.
  const wait = `first/wait/${here.deadline_ms / 40}`;
  await Promise.all([call(wait), call(wait)]);
  for (const address of [FIRST, FIRST_OTHER, SECOND]) {
    t.regex(await fromOutside(here, address), new RegExp(`^at ${address}\n`), 'it listens');
  }
  const others = await call(`first/others/${FIRST}/3`);
  t.notRegex(others, /reached/);
  t.is(others.match(/: /g)?.length, 2, others);
  t.regex(await call(`second/fetch/${FIRST}/8080`), /failed: /);
}

/** Devices that VMs have on the bridge. */
export async function tapsOf({ host }: Stage): Promise<readonly string[]> {
  return (await host.devices()).filter((name) => name.startsWith('hp') && name !== 'hpbr');
}

const devicesIn = (looked: string): string[] =>
  [...looked.matchAll(/^\/proc\/net\/dev:\s+(\w+):/gm)].map(([, name = '']) => name).toSorted();
