/** The agent of one host: performs what the core wants; what the API offers is here. */
import { join } from 'node:path';
import { assert } from '../../base/assert.ts';
import type { HotplaneError } from '../../base/errors.ts';
import { Pieces } from '../../base/pieces.ts';
import { AGENT_LIMITS, DRAIN_MS } from '../limits.ts';
import type { StatusResponse } from '../model/messages.ts';
import type { DeployHow, DeployReply, Reply } from '../model/actions.ts';
import { memoryOfCall } from '../model/call-memory.ts';
import { namesToRemove } from '../core/cordon.ts';
import { DEFAULT_POLICY } from '../core/default-policy/policy.ts';
import { dumpHost, type HostDump } from '../core/dump.ts';
import type { HostEvent } from '../model/events.ts';
import { committedBytes, grantedBytes } from '../core/permits.ts';
import { REFUSALS } from '../model/refusals.ts';
import type { EstimateResponse, ExplainResponse } from '../model/span-messages.ts';
import type { FunctionSpec } from '../model/spec.ts';
import { emptyHost, type HostState } from '../model/state.ts';
import { beginRecord, tellEvent } from '../observe/event-records.ts';
import { ChangeFeed } from '../observe/change-feed.ts';
import { estimate } from '../observe/estimate.ts';
import { explain } from '../observe/explain.ts';
import { FailStop, isStateError } from '../observe/fail-stop.ts';
import { refusalOf } from '../model/failure.ts';
import { Callers } from './callers.ts';
import { Dags } from './dags.ts';
import { Decider } from './decider.ts';
import type { AgentLedger } from '../ledger/agent-ledger.ts';
import type { Call } from '../model/work.ts';
import { keepLedger } from './ledger-news.ts';
import { HeldPayloads } from './held-payloads.ts';
import { InstanceLogs } from '../observe/instance-logs.ts';
import { PageBook } from '../observe/page-book.ts';
import { KeptAnswers, keyOf } from './kept-answers.ts';
import { RecordHub, type Subscription, type Wanted } from '../observe/record-hub.ts';
import { type InvocationEnd, invocationRecord } from '../observe/invocation-record.ts';
import { HostTruth } from './host-truth.ts';
import { MemoryRounds } from './memory-rounds.ts';
import { Operator } from './operator.ts';
import { Performer } from './performer.ts';
import { RepeatLog } from './repeat-log.ts';
import { nameIn, tellReply } from './reply-log.ts';
import { statusParts } from '../observe/host-status.ts';
import { wholeStatus } from '../model/status-parts.ts';
import { Runners } from './runners.ts';
import { stepContextOf } from './step-context.ts';
import type { RunnerDeps } from './vm-runner.ts';
import { WakeTimer } from './wake.ts';
import type { HostAgentOptions } from './host-options.ts';

export class HostAgent {
  readonly #options: HostAgentOptions;
  readonly hub: RecordHub;
  readonly changes = new ChangeFeed();
  /** Turns of the loop that all long answers share. */
  readonly pieces = new Pieces(AGENT_LIMITS.turn_ms);
  readonly #payloads = new HeldPayloads();
  readonly logs = new InstanceLogs();
  readonly pages = new PageBook();
  readonly #runners: Runners;
  readonly #callers: Callers;
  readonly #kept: KeptAnswers;
  readonly #wake: WakeTimer;
  readonly #memory: MemoryRounds;
  readonly #truth: HostTruth | null;
  readonly #fail_stop: FailStop;
  readonly #told: RepeatLog;
  readonly #decider: Decider;
  readonly operator: Operator;
  readonly dags: Dags;

  constructor(options: HostAgentOptions) {
    this.#options = options;
    this.hub = new RecordHub(options.store?.generation);
    const { host_limit_bytes, first_id, ledger } = options;
    const { earlier_vms = [], vmm_overhead_bytes = 0, host_cpus = null } = options;
    const facts = { ...options.bounds, earlier_vms, vmm_overhead_bytes, host_cpus };
    this.#runners = new Runners(options.earlier?.vms ?? new Map(), (id) => this.#depsOf(id));
    const state = options.earlier?.state ?? emptyHost(host_limit_bytes, first_id, facts);
    this.#kept = new KeptAnswers({
      clock: options.clock,
      rows: options.store?.rows.answers ?? new Map(),
      answerOf: (id) => this.#payloads.answerOf(id),
    });
    this.#kept.openRunning(state);
    this.#decider = new Decider(state, {
      clock: options.clock,
      store: options.store ?? null,
      recorder: ledger ?? null,
      contextOf: stepContextOf(options, () => this.hub.isWatched('decision')),
      onEvent: (event, at_ms) => tellEvent(this.hub, event, at_ms),
      onChanged: (change) => {
        this.changes.publish(change);
        this.operator.look(change.state);
      },
      rowsOf: (event, actions) => this.#kept.decided(event, actions, this.#state.functions),
      perform: (event, actions) => performer.performAll(event, actions),
      onFault: (error, during) => this.failStop(error, during),
    });
    this.operator = this.#operatorOf(options);
    this.dags = this.#dagsOf();
    this.#wake = new WakeTimer(options.clock, () => this.#decider.dispatch({ type: 'tick' }));
    this.#told = new RepeatLog(options.clock);
    this.#fail_stop = new FailStop(options.log);
    const { clock, log, trimFolders, store } = options;
    this.#callers = new Callers(store?.generation ?? 0, log, (id, asked, reply) =>
      this.#replied(id, asked, reply),
    );
    const onBug = (error: unknown, during: unknown): void => this.failStop(error, during);
    const performer = new Performer({
      clock,
      log,
      trimFolders,
      told: this.#told,
      hub: this.hub,
      runners: this.#runners,
      callers: this.#callers,
      wake: this.#wake,
      stateOf: () => this.#state,
      onBug,
    });
    const intervalMs = (): number | null => this.hub.intervalMs();
    this.#memory = new MemoryRounds({ clock, runners: this.#runners, intervalMs, onBug });
    if (ledger) keepLedger(ledger, this, options, this.#runners);
    if (options.earlier) this.#decider.dispatch({ type: 'restarted' });
    this.dags.resume();
    const read = options.readAvailable;
    this.#truth = read
      ? new HostTruth({
          clock,
          read,
          state: () => this.#state,
          residentBytes: () => this.#runners.residentBytes(),
          emit: (event) => this.#decider.dispatch(event),
          onBug,
        })
      : null;
  }

  /** Before the caller is told; `asked` null: an earlier agent was, and nobody takes the answer. */
  #replied(request_id: string, asked: HostEvent | null, reply: Reply): void {
    this.#kept.told(request_id, reply.kind === 'error' ? reply.failure : null);
    if (!asked) {
      this.#payloads.release(request_id);
      return;
    }
    const vm_id = this.#state.functions.get(nameIn(asked))?.vm_ids[0] ?? null;
    tellReply(this.#told, this.#options.log, asked, reply, vm_id);
  }

  /** Whether it found a fault of its own. */
  get isFatal(): boolean {
    return this.#fail_stop.error !== null;
  }

  /** Resolves, with HP_AGENT_FATAL, when the agent found a fault of its own and must be ended. */
  get fatal(): Promise<HotplaneError> {
    return this.#fail_stop.told;
  }

  /**
   * Ends all deciding: `cause` should never have happened. The log gets it with `during` and the
   * whole state, every open call is answered with HP_AGENT_FATAL, and `fatal` resolves.
   */
  failStop(cause: unknown, during: unknown): void {
    if (!this.#fail_stop.trip(cause, during, () => this.dump())) return;
    this.#decider.end();
    this.close();
    const { error } = this.#fail_stop;
    assert(error, 'a tripped stop has its error');
    this.#callers.answerAll(refusalOf(error));
    this.#kept.close(refusalOf(error));
  }

  async deploy(
    spec: FunctionSpec,
    peer?: string | null,
    how: DeployHow = {},
  ): Promise<DeployReply> {
    if (spec.network) await this.#options.network?.check(spec);
    const asked = { type: 'deploy', spec, peer: peer ?? null, ...how } as const;
    const reply = await this.#request((request_id) => ({ ...asked, request_id }));
    assert(reply.kind === 'deploy', 'a deploy is answered with a deploy');
    return reply;
  }

  /**
   * The record of the invocation, refused and failed ones too. `onGone` is given what ends it, to
   * be called when its caller goes away; one with a key goes on then, and who asks again with it
   * gets its answer. Throws HP_AGENT_KEY_REUSED.
   */
  async invoke(
    name: string,
    invocation_id: string,
    call: Call,
    onGone?: (run: () => void) => void,
  ): Promise<InvocationEnd> {
    const key = keyOf(call);
    const known = key && this.#kept.find(name, key);
    if (known) return await known;
    const { timeout_ms, peer = null, stage } = call;
    const about = { function: name, invocation_id, timeout_ms, peer, ...stage };
    let id = '';
    let is_over = false;
    const asked = this.#request((request_id) => {
      id = request_id;
      this.#payloads.hold(id, call);
      const memory = memoryOfCall(this.#state.functions.get(name), call);
      const event = { type: 'invoke', request_id, ...about, ...memory } as const;
      if (!key) return event;
      this.#kept.open(name, key, id);
      return { ...event, key };
    });
    // Its caller may be gone already; from an answered call he goes, too: nothing is due for that.
    const cancel = { type: 'cancel', request_id: id, function: name, peer } as const;
    if (!key) onGone?.(() => is_over || this.#decider.dispatch(cancel));
    const reply = await asked.catch((error: unknown) => {
      this.#payloads.release(id);
      throw error;
    });
    is_over = true;
    const answer = this.#payloads.release(id);
    assert(reply.kind === 'invoke', 'an invoke is answered with an invoke');
    const record = invocationRecord(name, reply);
    this.hub.publish('invocation', record);
    return { ...record, failure: reply.failure, answer };
  }

  /** Resolves with the host time at which nothing of the function was left. */
  async remove(name: string, drain_ms = DRAIN_MS, peer: string | null = null): Promise<number> {
    const reply = await this.#request((request_id) => {
      return { type: 'remove', request_id, function: name, drain_ms, peer };
    });
    assert(reply.kind === 'remove', 'a remove is answered with a remove');
    return reply.finished_at_ms;
  }

  /** `vm_id`: that VM alone, which has ended and been replaced then. Throws HP_AGENT_NO_VM. */
  async drain(
    name: string,
    vm_id: string | null = null,
    peer: string | null = null,
  ): Promise<{ finished_at_ms: number; instances_stopped: number }> {
    const reply = await this.#request((request_id) => {
      const event = { type: 'drain', request_id, function: name, peer } as const;
      return vm_id === null ? event : { ...event, vm_id };
    });
    assert(reply.kind === 'drain', 'a drain is answered with a drain');
    return reply;
  }

  /** Fresh figures of one function, or of all when `name` is empty. */
  async status(name: string, with_state = false): Promise<StatusResponse> {
    return wholeStatus(await Array.fromAsync(this.statusParts(name, with_state)));
  }

  /** The same in parts, none of which is large. */
  statusParts(name: string, with_state: boolean): AsyncGenerator<StatusResponse> {
    const { clock, version } = this.#options;
    const dags = name === '' ? this.dags.list(null) : [];
    const agent = { version, pid: process.pid, ledger: this.ledger?.head ?? null, dags };
    const sourceOf = (id: string) => this.#runners.find(id);
    const asked = { state: this.#state, name, with_state, sourceOf, agent, pieces: this.pieces };
    return statusParts(asked, clock);
  }

  /** Why an instance has the memory it has. Throws HP_AGENT_NO_INSTANCE. */
  explain(instance_id: string): ExplainResponse {
    const { clock, policy = DEFAULT_POLICY } = this.#options;
    return explain(this.#state, instance_id, { policy: policy.name, now_ms: clock.nowMs() });
  }

  /** What a call would take, which is not made. Throws HP_AGENT_NO_FUNCTION. */
  estimate(asked: Parameters<typeof estimate>[1]): EstimateResponse {
    const context = stepContextOf(this.#options, () => false)();
    return estimate(this.#state, asked, this.#options.clock.nowMs(), context);
  }

  /** Throws HP_AGENT_TOO_MANY_WATCHERS. */
  watch({ memory_interval_ms = null, records = [] }: Partial<Wanted> = {}): Subscription {
    const { clock, policy = DEFAULT_POLICY } = this.#options;
    const subscription = this.hub.subscribe({ memory_interval_ms, records }, () =>
      beginRecord(this.#state, policy.name, clock.nowMs()),
    );
    if (this.hub.isWatched('memory')) this.#memory.look();
    return subscription;
  }

  /** What is decided now; never changed, so that it may be looked at in pieces. */
  get state(): HostState {
    return this.#state;
  }

  /** Null: it keeps none. */
  get ledger(): AgentLedger | null {
    return this.#options.ledger ?? null;
  }

  get version(): string {
    return this.#options.version;
  }

  dump(): HostDump {
    return dumpHost(this.#state);
  }

  /** Boot memory and permits of all VMs. */
  grantedBytes(): number {
    return grantedBytes(this.#state);
  }

  /**
   * Removes every function but those that a drain of the host has emptied, and waits for the last
   * VM to end. Throws when one would not, and
   * HP_AGENT_FATAL after a fail-stop, which ends the VMs without asking the core.
   */
  async stop(drain_ms: number): Promise<void> {
    const names = this.#fail_stop.error ? [] : namesToRemove(this.#state);
    const ends = await Promise.allSettled(names.map((name) => this.remove(name, drain_ms)));
    this.close();
    const fatal = this.#fail_stop.error;
    if (fatal) {
      const failure = refusalOf(fatal);
      // What could not be written was not done: the next agent goes on from there.
      if (isStateError(fatal.cause)) await this.release();
      else await Promise.allSettled(this.#runners.all().map((one) => one.shutdown(failure)));
      throw isStateError(fatal.cause) ? fatal.cause : fatal;
    }
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Leaves all VMs running, with what they do, for the next agent; open calls are told so. */
  async release(): Promise<void> {
    this.#decider.end();
    this.close();
    this.#callers.answerAll(REFUSALS.agentLeaves());
    this.#kept.close(REFUSALS.agentLeaves());
    await Promise.allSettled(this.#runners.all().map((one) => one.release()));
  }

  /** Ends watchers and timers; VMs are left alone. */
  close(): void {
    this.#memory.close();
    this.#truth?.close();
    this.#wake.set(null);
    this.hub.close();
    this.#told.close();
  }

  #request(event: (request_id: string) => HostEvent): Promise<Reply> {
    if (this.#fail_stop.error) throw this.#fail_stop.error;
    const { asked, answer } = this.#callers.open(event);
    this.#decider.dispatch(asked);
    return answer;
  }

  get #state(): HostState {
    return this.#decider.state;
  }

  #operatorOf({ log, version }: HostAgentOptions): Operator {
    const stateOf = (): HostState => this.#state;
    return new Operator({ log, version, stateOf, request: (event) => this.#request(event) });
  }

  #dagsOf(): Dags {
    return new Dags({
      clock: this.#options.clock,
      payloads: this.#payloads,
      stateOf: () => this.#state,
      request: (event) => this.#request(event),
      emit: (event) => this.#decider.dispatch(event),
      invoke: (name, id, call, onGone) => this.invoke(name, id, call, onGone),
    });
  }

  #depsOf(vm_id: string): Omit<RunnerDeps, 'left'> {
    const { clock, hypervisor, images, log, vms_dir, network = null } = this.#options;
    const { clear_plugged = false, populate_plugged = false } = this.#options;
    const { logs, pages } = this;
    const parts = { clock, hypervisor, images, log, network, clear_plugged, populate_plugged };
    const all = { ...parts, told: this.#told, payloads: this.#payloads, logs, pages };
    return {
      ...all,
      run_dir: join(vms_dir, vm_id),
      networkOf: () => this.#state.vms.get(vm_id)?.network ?? null,
      emit: (event) => this.#decider.dispatch(event),
      publishOperation: (operation) => this.hub.publish('operation', operation),
      publishMemory: (memory) => this.hub.publish('memory', memory),
      publishReport: (report) => this.hub.publish('report', report),
      isWatched: () => this.hub.isWatched('memory'),
      onBug: (error, during) => this.failStop(error, during),
      committedBytes: () => committedBytes(this.#state, vm_id),
    };
  }
}
