/**
 * A fake Cloud Hypervisor for tests: the socket API with a modelled guest, and faults on demand.
 */
import { fileURLToPath } from 'node:url';
import { MODULE_EXTENSION } from '../../../base/paths.ts';

export { FakeCloudHypervisor, type FakeServerOptions, type SeenRequest } from './server.ts';
export type { FakeMachine } from './machine.ts';
export {
  DEFAULT_SETTINGS,
  type FakeSettings,
  type FakeSettingsPatch,
  type Fault,
  type FaultKind,
  type GuestSettings,
} from './settings.ts';

/** The fake as a program: run it with Node where a driver wants a binary. */
export const FAKE_PROGRAM = fileURLToPath(new URL(`main${MODULE_EXTENSION}`, import.meta.url));
