/** Reads one trace and says what that took: nothing else is in the memory of this process. */
import { OPEN_DEFAULTS, openTrace } from '../../autoscaler/trace/open-trace.ts';

const begin = process.cpuUsage();
await openTrace(process.argv.slice(2), { ...OPEN_DEFAULTS, counts_only: true });
const { user, system } = process.cpuUsage(begin);
const resident_bytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ cpu_ms: (user + system) / 1000, resident_bytes }));
