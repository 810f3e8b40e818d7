/** What an agent would say to the deploy of a function on bridge `br0`: nothing, or its refusal. */
import { Taps } from '../../../agent/executor/host-network.ts';
import { parseBridges } from '../../../agent/model/network.ts';
import { isHotplaneError } from '../../../base/errors.ts';
import { SERVER, specOf } from '../core/world.ts';

const bridges = parseBridges('br0=10.0.0.1/24:10.0.0.8/29') ?? [];
const taps = new Taps({ vms_dir: '/v', bridges, dns: [] });
const [bridge = 'br0'] = process.argv.slice(2);
const asked = { ...specOf('f'), program: SERVER, network: { bridge } };
try {
  // As many deploys at once do.
  await Promise.all([1, 2, 3].map(() => taps.check(asked)));
  console.log('it can be');
} catch (error) {
  if (!isHotplaneError(error)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
