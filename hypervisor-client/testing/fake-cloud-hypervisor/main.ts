/**
 * The fake as a program, with the command line of the real one as far as a driver needs it:
 *
 *   node main.ts [--fake JSON] --api-socket path=S [--event-monitor path=F] [--log-file F] ...
 *   node main.ts [--fake JSON] --version
 *
 * `--fake` (or the variable HOTPLANE_FAKE_CH) takes settings as JSON; see settings.ts.
 */
import { appendFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { DEFAULT_SETTINGS, isPatch, type FakeSettingsPatch } from './settings.ts';
import { FakeCloudHypervisor } from './server.ts';

/** Options with a value; everything else on the command line is taken and ignored. */
const VALUED = new Set(['--fake', '--api-socket', '--event-monitor', '--log-file', '--seccomp']);

function readArguments(argv: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (let index = 0; index < argv.length; index += 1) {
    const name = argv[index] ?? '';
    if (!VALUED.has(name)) {
      values.set(name, '');
      continue;
    }
    index += 1;
    values.set(name, argv[index] ?? '');
  }
  return values;
}

function readSettings(text: string): FakeSettingsPatch {
  const value: unknown = JSON.parse(text);
  if (!isPatch(value)) throw new TypeError('the settings of the fake must be an object');
  return value;
}

const given = readArguments(process.argv.slice(2));
const settings = readSettings(given.get('--fake') ?? process.env['HOTPLANE_FAKE_CH'] ?? '{}');

if (given.has('--version')) {
  const { version = DEFAULT_SETTINGS.version } = settings;
  console.log(`cloud-hypervisor v${version}`);
} else {
  const socket_path = (given.get('--api-socket') ?? '').replace(/^path=/, '');
  const event_monitor = given.get('--event-monitor');
  const log_path = given.get('--log-file');
  if (log_path) writeFileSync(log_path, '');
  const fake = new FakeCloudHypervisor({
    socket_path,
    settings,
    ...(event_monitor ? { event_monitor } : {}),
    log: (line) => {
      if (log_path) appendFileSync(log_path, `${line}\n`);
    },
    exit: (code) => {
      unlinkSync(socket_path);
      process.exit(code);
    },
  });
  process.once('SIGTERM', () => {
    void fake.close().then(() => process.exit(0));
  });
  await fake.listen();
}
