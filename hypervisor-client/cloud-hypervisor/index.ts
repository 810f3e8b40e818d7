/** Cloud Hypervisor: the client of its REST API and the driver built on it. */
export { CloudHypervisor } from './client.ts';
export { EventMonitor, readEventFile, type EventMonitorOptions } from './event-monitor.ts';
export { EventParser, type ChEvent } from './event-parser.ts';
export { CH_ERROR_CODES, isChError, type ChErrorCode } from './errors.ts';
export { sentState, type SentState } from '../rest/server.ts';
export type { CallOptions, TransportOptions } from '../rest/transport.ts';
export type { ResizeRequest } from './api/resize.ts';
export type * from './types/index.ts';
export {
  featuresOf,
  parseVersion,
  reasonAgainst,
  type ChFeatures,
  type ChVersion,
} from './version.ts';
export { CloudHypervisorDriver, type CloudHypervisorDriverOptions } from './driver/driver.ts';
