/** The client: every call of the REST API, in groups, over one connection. */
import { DevicesApi } from './api/devices.ts';
import { LifecycleApi } from './api/lifecycle.ts';
import { MigrationApi } from './api/migration.ts';
import { ObserveApi } from './api/observe.ts';
import { ResizeApi } from './api/resize.ts';
import { SnapshotApi } from './api/snapshot.ts';
import { VmmApi } from './api/vmm.ts';
import { CH_SERVER } from './rest-server.ts';
import { Transport, type CallOptions, type TransportOptions } from '../rest/transport.ts';
import { chError } from './errors.ts';
import { type ChFeatures, type ChVersion, featuresOf, parseVersion } from './version.ts';

/**
 * A Cloud Hypervisor by its API socket. Connects with the first call; every call has a deadline,
 * nothing is ever sent twice, and every failure is a HotplaneError with a code HP_CH_*.
 */
export class CloudHypervisor {
  readonly vmm: VmmApi;
  readonly lifecycle: LifecycleApi;
  readonly observe: ObserveApi;
  readonly memory: ResizeApi;
  readonly devices: DevicesApi;
  readonly snapshots: SnapshotApi;
  readonly migration: MigrationApi;
  readonly #transport: Transport;

  constructor(options: TransportOptions) {
    const transport = new Transport(CH_SERVER, options);
    this.#transport = transport;
    this.vmm = new VmmApi(transport);
    this.lifecycle = new LifecycleApi(transport);
    this.observe = new ObserveApi(transport);
    this.memory = new ResizeApi(transport);
    this.devices = new DevicesApi(transport);
    this.snapshots = new SnapshotApi(transport);
    this.migration = new MigrationApi(transport);
  }

  get socket_path(): string {
    return this.#transport.socket_path;
  }

  /** True after a PUT whose fate is unknown, until the server has answered a GET. */
  get uncertain(): boolean {
    return this.#transport.uncertain;
  }

  /** The server's version and what it can do. */
  async version(options: CallOptions = {}): Promise<ChVersion & { readonly features: ChFeatures }> {
    const { version } = await this.vmm.ping(options);
    const parsed = parseVersion(version);
    if (parsed) return { ...parsed, features: featuresOf(parsed) };
    throw chError('HP_CH_PROTOCOL', `'${version.slice(0, 80)}' is not a version.`);
  }

  /** Closes the connection. The server and its VM go on. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
