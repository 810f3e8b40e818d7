/** Makes TAP devices in the network namespace it is in: `NAME BRIDGE MAC FIRST COUNT [OWNER]`. */
import {
  bridgeMtu,
  makeTap,
  removeOldTaps,
  tapTroubles,
} from '../../../hypervisor-client/host/tap.ts';

const [what = '', ...words] = process.argv.slice(2);

async function make([
  name = '',
  bridge = '',
  mac = '',
  first = '',
  count = '',
  uid = '',
]: string[]) {
  const own = { first: Number(first), count: Number(count) };
  const closed = [{ first: 0x0a_00_00_08, count: 8 }];
  await makeTap({
    name,
    bridge,
    mtu_bytes: (await bridgeMtu(bridge)) ?? 0,
    filter: { mac, own, closed },
    owner_uid: Number(uid),
  });
}

if (what === 'make') await make(words);
else if (what === 'mtu') console.log(await bridgeMtu(words[0] ?? ''));
else if (what === 'troubles') console.log((await tapTroubles()).join('; '));
else if (what === 'clean') {
  const [vms_dir = '', ...living] = words;
  console.log((await removeOldTaps(vms_dir, new Set(living.map(Number)))).join(' '));
}
