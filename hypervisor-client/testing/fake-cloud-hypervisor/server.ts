/** The fake itself: the API socket, ten connections, one request at a time, faults on demand. */
import { chmodSync, existsSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { featuresOf, parseVersion } from '../../cloud-hypervisor/version.ts';
import { ApiError, errorBody, statusIn } from './errors.ts';
import {
  encodeAnswer,
  type FakeAnswer,
  type FakeRequest,
  ParseError,
  parseErrorBody,
  RequestParser,
  SERVER_FULL,
} from './http.ts';
import { FakeMachine } from './machine.ts';
import { FakeMonitor } from './monitor.ts';
import { route } from './routes.ts';
import {
  DEFAULT_SETTINGS,
  type FakeSettings,
  type FakeSettingsPatch,
  type Fault,
  isPatch,
  patchSettings,
} from './settings.ts';

export interface FakeServerOptions {
  readonly socket_path: string;
  /** `path=FILE` or `fd=N`, as after `--event-monitor`. */
  readonly event_monitor?: string;
  readonly settings?: FakeSettingsPatch;
  readonly log?: (line: string) => void;
  /** What ends the fake: the process of the program, only the server inside a test. */
  readonly exit?: (code: number) => void;
}

/** One request as the fake saw it, for tests that count. */
export interface SeenRequest {
  readonly method: string;
  readonly route: string;
  readonly body: string;
}

/** As vmm/src/api/mod.rs says it when its other thread has ended already. */
const ENDING = ['Error from API', 'API response receive error', 'receiving on a closed channel'];
const CONNECTIONS_MAX = 10;
const SEEN_MAX = 10_000;
const BODY_BYTES_MAX = 51_200;
const PREFIX = '/api/v1/';

/** A Cloud Hypervisor without a hypervisor, for tests. */
export class FakeCloudHypervisor {
  readonly #options: FakeServerOptions;
  readonly #server: Server;
  readonly #monitor: FakeMonitor;
  readonly #machine: FakeMachine;
  readonly #sockets = new Set<Socket>();
  readonly #seen: SeenRequest[] = [];
  #settings: FakeSettings;
  #faults: { fault: Fault; left: number }[] = [];

  constructor(options: FakeServerOptions) {
    this.#options = options;
    this.#settings = patchSettings(DEFAULT_SETTINGS, options.settings ?? {});
    this.#loadFaults();
    this.#monitor = new FakeMonitor(options.event_monitor ?? null, () => this.#settings);
    this.#machine = new FakeMachine({
      settings: () => this.#settings,
      monitor: this.#monitor,
      log: options.log ?? (() => undefined),
      powerOff: () => this.#exit(0),
    });
    this.#server = createServer({ allowHalfOpen: false }, (socket) => this.#accept(socket));
  }

  /** The modelled VM, for tests in the same process. */
  get machine(): FakeMachine {
    return this.#machine;
  }

  /** Requests so far, oldest first. */
  get seen(): readonly SeenRequest[] {
    return this.#seen;
  }

  /** Changes settings while it runs; new faults replace the old. */
  set(patch: FakeSettingsPatch): void {
    this.#settings = patchSettings(this.#settings, patch);
    if (patch.faults) this.#loadFaults();
    if (patch.guest?.used) this.#machine.usersChanged();
  }

  async listen(): Promise<this> {
    const { socket_path } = this.#options;
    const features = featuresOf(parseVersion(this.#settings.version) ?? MODERN);
    if (existsSync(socket_path) && features.stale_socket) unlinkSync(socket_path);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socket_path, resolve);
    });
    chmodSync(socket_path, 0o600);
    this.#monitor.emit('vmm', 'starting');
    return this;
  }

  async close(): Promise<void> {
    this.#machine.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#sockets.size >= CONNECTIONS_MAX) {
      socket.resume();
      socket.end(SERVER_FULL);
      return;
    }
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const parser = new RequestParser(BODY_BYTES_MAX);
    socket.on('data', (chunk) => {
      try {
        for (const request of parser.push(chunk)) this.#handle(socket, request);
      } catch (error) {
        if (!(error instanceof ParseError)) throw error;
        this.#send(socket, { status: 400, body: parseErrorBody(error.message) });
      }
    });
  }

  #handle(socket: Socket, request: FakeRequest): void {
    const name = request.path.slice(PREFIX.length);
    if (name === 'fake.set') return this.#control(socket, request);
    if (this.#seen.length < SEEN_MAX) {
      this.#seen.push({ method: request.method, route: name, body: request.body });
    }
    const fault = this.#takeFault(name);
    if (fault && this.#failEarly(socket, fault)) return;
    let ending = false;
    const answer = this.#answer(request, () => {
      ending = true;
    });
    if (fault) this.#failLate(socket, fault, answer);
    else this.#send(socket, answer);
    if (!ending) return;
    this.#monitor.emit('vmm', 'shutdown');
    socket.end(() => this.#exit(0));
  }

  #answer(request: FakeRequest, end: () => void): FakeAnswer {
    const { version } = this.#settings;
    const settings = (): FakeSettings => this.#settings;
    try {
      return route(request, { machine: this.#machine, settings, end });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const status = statusIn(version, error.status);
      return { status, body: errorBody(version, error.messages) };
    }
  }

  /** `{"settings": {...}, "guest": "reboot" | "panic" | "poweroff"}`: not of the real server. */
  #control(socket: Socket, request: FakeRequest): void {
    const value: unknown = JSON.parse(request.body || '{}');
    if (isPatch(value)) {
      const { guest_does, ...patch } = value as FakeSettingsPatch & { guest_does?: unknown };
      this.set(patch);
      this.#send(socket, { status: 204, body: null });
      if (guest_does === 'reboot') this.#machine.reboot();
      if (guest_does === 'panic') this.#machine.panic();
      if (guest_does === 'poweroff') this.#machine.powerOff();
    }
  }

  /** Faults that come before the request takes effect. */
  #failEarly(socket: Socket, { kind }: Fault): boolean {
    switch (kind) {
      case 'die-before':
        this.#exit(1);
        return true;
      case 'close-before':
        socket.destroy();
        return true;
      case 'silence-before':
        return true;
      case 'garbage':
        socket.write('\x00\x01SSH-2.0-not-http\r\n\r\n');
        return true;
      case 'full':
        socket.end(SERVER_FULL);
        return true;
      case 'raw-newline':
        this.#send(socket, { status: 400, body: parseErrorBody('Request line too long.') });
        return true;
      case 'huge-error':
        this.#send(socket, { status: 500, body: 'x'.repeat(4 * 1024 * 1024) });
        return true;
      case 'refuse': {
        const messages = ['Error from API', 'The request was refused', 'fake'];
        this.#send(socket, { status: 500, body: errorBody(this.#settings.version, messages) });
        return true;
      }
      case 'ending': {
        const body = errorBody(this.#settings.version, ENDING);
        socket.write(this.#encode({ status: 500, body }), () => this.#exit(0));
        return true;
      }
      default:
        return false;
    }
  }

  #failLate(socket: Socket, { kind, delay_ms = 0 }: Fault, answer: FakeAnswer): void {
    const bytes = this.#encode(answer);
    const half = bytes.subarray(0, Math.max(1, bytes.length - Math.ceil(bytes.length / 4)));
    switch (kind) {
      case 'slow':
        setTimeout(() => socket.write(bytes), delay_ms);
        return;
      case 'silence':
        return;
      case 'half-body':
        socket.write(half);
        return;
      case 'half-close':
        socket.end(half);
        return;
      case 'close-after-effect':
        socket.destroy();
        return;
      case 'die-after-effect':
        this.#exit(1);
        return;
      case 'die-during':
        socket.write(half, () => this.#exit(1));
        return;
      case 'die-after':
        socket.write(bytes, () => this.#exit(1));
        return;
      case 'wrong-type':
        this.#send(socket, { ...answer, status: 200, body: '<html>', content_type: 'text/html' });
        return;
      default:
        this.#send(socket, { ...answer, status: 200, body: '{"half":' });
    }
  }

  #send(socket: Socket, answer: FakeAnswer): void {
    socket.write(this.#encode(answer));
  }

  #encode(answer: FakeAnswer): Buffer {
    const major = parseVersion(this.#settings.version)?.major ?? MODERN.major;
    return encodeAnswer(answer, major >= 39);
  }

  #takeFault(name: string): Fault | null {
    const found = this.#faults.find(({ fault }) => (fault.route ?? name) === name);
    if (!found) return null;
    found.left -= 1;
    if (found.left <= 0) this.#faults.splice(this.#faults.indexOf(found), 1);
    return found.fault;
  }

  #loadFaults(): void {
    this.#faults = this.#settings.faults.map((fault) => ({
      fault,
      left: fault.times ?? Number.POSITIVE_INFINITY,
    }));
  }

  #exit(code: number): void {
    this.#machine.close();
    if (this.#options.exit) this.#options.exit(code);
    else void this.close();
  }
}

const MODERN = { major: 53, minor: 0, text: '53.0.0' };
