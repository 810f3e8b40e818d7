/** The process beside the agent: guests that answer at once, and the bare gRPC server. */
import { serveEcho } from './echo.ts';
import { serveGuests } from './guests.ts';
import { NO_COUNTERS, serveParent, tellParent } from './own-usage.ts';

const [guests_path = '', echo_path = ''] = process.argv.slice(2);
const stop = serveParent(() => NO_COUNTERS);
const endGuests = await serveGuests(guests_path);
const endEcho = await serveEcho(echo_path);
stop.addEventListener('abort', () => {
  endEcho();
  void endGuests().then(() => process.exit(0));
});
tellParent({ type: 'ready' });
