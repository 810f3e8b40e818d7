/** What the agent asks of one guest, with every answer's times on the host's clock. */
import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { isHotplaneError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { AGENT_LIMITS } from '../limits.ts';
import { agentError } from '../model/errors.ts';
import type { FoundInstance, InvocationResult, StartStamps } from '../model/events.ts';
import { type FunctionSpec, growWaitMs, isElastic } from '../model/spec.ts';
import { headersOf, linesOf } from '../model/http-head.ts';
import type { Weights } from '../model/tiers-spec.ts';
import type { FunctionAnswer, Call } from '../model/work.ts';
import type { GuestAnswer, GuestChannel } from '../../guest/protocol/channel.ts';
import { MECHANISMS } from '../model/mechanism.ts';
import { ClockMap } from '../../guest/protocol/clock-map.ts';
import {
  type GuestRequest,
  invokedSchema,
  listedSchema,
  startedSchema,
  type StartRequest,
  statsSchema,
  stoppedSchema,
} from '../../guest/protocol/protocol.ts';
import { programStart, type ToldNetwork } from './program-start.ts';
import type { Figures, FigureSelection } from '../observe/guest-figures.ts';

/** Made once: a schema is much more than what it checks here. */
const anything = z.unknown();

/** Bytes of which nobody told what they are. */
const OCTETS = 'application/octet-stream';

/** `region_pci` is for guests that do not know `regions`: as little as it can say. */
function narrowed(
  selection: FigureSelection,
): Omit<Extract<GuestRequest, { type: 'stats' }>, 'type'> {
  if (selection === 'all') return {};
  if (selection === 'partitions') return { region_pci: '' };
  const [first = '', second] = selection;
  return { regions: selection, ...(second === undefined ? { region_pci: first } : {}) };
}

/** The guest's own bound is the later one, and holds where the agent is gone. */
function guestWaitMs(spec: FunctionSpec): number {
  return Math.min(LIMITS.grow_wait_ms_max, growWaitMs(spec) + AGENT_LIMITS.growth_denial_ms);
}

/** The HTTP request that an invocation is, as the guest is told of it. */
function shown(
  http: Call['http'],
  content_type: string,
): Pick<Extract<GuestRequest, { type: 'invoke' }>, 'http'> {
  if (!http) return {};
  const { method, path, headers } = http;
  return { http: { method, path, fields: linesOf(headers, content_type) } };
}

/** What an invocation measured, and what it answered. */
interface Answered {
  readonly result: InvocationResult;
  readonly answer: FunctionAnswer;
}

/** Where a guest finds the memory of an instance. */
export interface GuestPlace {
  readonly pci_address: string;
  /** -1: it has no node of its own. */
  readonly guest_node: number;
  /** The other part, and by which turns pages are taken of both; absent: there is none. */
  readonly far?: Omit<GuestPlace, 'far'> & Weights;
}

/** What `start` says of the other part. */
function farOf({ far }: GuestPlace): Partial<StartRequest> {
  if (!far) return {};
  const { pci_address: far_pci, guest_node: far_node, near_weight, far_weight } = far;
  return { far_pci, far_node, near_weight, far_weight };
}

export class GuestLink {
  readonly #channel: GuestChannel;
  readonly #clock: Clock;
  readonly #clock_map = new ClockMap();

  /** A guest may be so many times slower than others at its starts. */
  readonly #slowness: number;

  constructor(channel: GuestChannel, clock: Clock, slowness = 1) {
    this.#channel = channel;
    this.#clock = clock;
    this.#slowness = slowness;
  }

  async stats(
    selection: FigureSelection,
    deadline_ms: number = LIMITS.guest_call_ms,
  ): Promise<Figures> {
    const request = { type: 'stats', ...narrowed(selection) } as const;
    const answer = await this.#channel.ask(request, statsSchema, deadline_ms);
    const { sent_ms, received_ms, value } = answer;
    this.#clock_map.learn(sent_ms, received_ms, value.taken_at_ms);
    const taken_at_ms = this.#clock_map.toHost(value.taken_at_ms, sent_ms, received_ms);
    return { stats: value, taken_at_ms };
  }

  async start(
    spec: FunctionSpec,
    instance: string,
    region: GuestPlace,
    network: ToldNetwork | null = null,
  ): Promise<StartStamps> {
    const { attach, limited_by } = MECHANISMS.get(spec.mechanism);
    const request = {
      type: 'start',
      instance,
      region_pci: region.pci_address,
      attach,
      guest_node: region.guest_node,
      ...farOf(region),
      attach_timeout_ms: LIMITS.plug_ms,
      ...(isElastic(spec) ? { grow_wait_ms: guestWaitMs(spec) } : {}),
      memory_max_bytes: limited_by === 'cgroup' || spec.program ? spec.limit_bytes : 0,
      ...programStart(spec, instance, network, this.#slowness),
    } as const;
    const usual_ms = spec.program ? AGENT_LIMITS.program_start_ms : LIMITS.instance_start_ms;
    const deadline_ms = usual_ms * this.#slowness;
    const answer = await this.#channel.ask(request, startedSchema, deadline_ms);
    const { sent_ms, received_ms, value } = answer;
    const toHost = (guest_ms: number): number =>
      this.#clock_map.toHost(guest_ms, sent_ms, received_ms);
    return {
      created_at_ms: toHost(value.created_at_ms),
      sandbox_at_ms: toHost(value.sandbox_at_ms),
      attached_at_ms: toHost(value.attached_at_ms),
      ready_at_ms: toHost(value.ready_at_ms),
    };
  }

  async invoke(
    instance: string,
    { payload, content_type, http }: Omit<Call, 'timeout_ms'>,
    { request_id, deadline_ms }: { readonly request_id: string; readonly deadline_ms: number },
  ): Promise<Answered> {
    const payload_bytes = payload.length;
    const about = { content_type, payload_bytes, request_id, timeout_ms: deadline_ms };
    const request = { type: 'invoke', instance, ...about, ...shown(http, content_type) } as const;
    return this.#answered(await this.#channel.ask(request, invokedSchema, deadline_ms, payload));
  }

  #answered(asked: GuestAnswer<z.infer<typeof invokedSchema>>): Answered {
    const { sent_ms, received_ms, value, attached } = asked;
    const toHost = (guest_ms: number): number =>
      this.#clock_map.toHost(guest_ms, sent_ms, received_ms);
    const result = {
      first_byte_at_ms: toHost(value.first_byte_at_ms),
      finished_at_ms: toHost(value.finished_at_ms),
      guest_wall_ms: value.wall_ms,
      guest_cpu_ms: value.cpu_ms ?? null,
      guest_touch_cpu_ms: value.touch_cpu_ms ?? null,
      anonymous_bytes: value.anonymous_bytes ?? null,
      minor_faults: value.minor_faults ?? null,
      function_error: value.function_error ?? null,
    };
    const { content_type: answered = OCTETS, status, fields = '' } = value;
    const http = status === undefined ? null : { status, headers: headersOf(fields) };
    return { result, answer: { content_type: answered, bytes: attached, http } };
  }

  /** Resolves with the host time at which nothing of the instance was left (t7). */
  async stop(instance: string): Promise<number> {
    const sent_ms = this.#clock.nowMs();
    try {
      const request = { type: 'stop', instance } as const;
      const answer = await this.#channel.ask(request, stoppedSchema, LIMITS.instance_stop_ms);
      return this.#clock_map.toHost(answer.value.gone_at_ms, sent_ms, answer.received_ms);
    } catch (error) {
      // It ended by itself, or never came to be: as gone as it can get.
      const guest_code = isHotplaneError(error) ? error.details['guest_code'] : undefined;
      if (guest_code === 'no-such-instance') return this.#clock.nowMs();
      throw error;
    }
  }

  /** Whoever waits for growth in this region is told that none comes. */
  async deny(region_pci: string): Promise<void> {
    const request = { type: 'deny', region_pci } as const;
    await this.#channel.ask(request, anything, LIMITS.guest_call_ms);
  }

  /** So much of this region is to be cleared and touched before anybody asks for it. */
  async prepare(region_pci: string, bytes: number): Promise<void> {
    const request = { type: 'prepare', region_pci, bytes } as const;
    await this.#channel.ask(request, anything, LIMITS.guest_call_ms);
  }

  /** What is plugged reads zero, or not: the guest need not clear it, or has to. */
  async trust(plugged_reads_zero: boolean): Promise<void> {
    const request = { type: 'trust', plugged_reads_zero } as const;
    await this.#channel.ask(request, anything, LIMITS.guest_call_ms);
  }

  /** The region that an instance asked for is there, or why it does not come. */
  async span(
    instance: string,
    about: {
      readonly span: string;
      readonly serial?: number;
      readonly region_pci: string;
      readonly failure?: string;
    },
  ): Promise<void> {
    const request = { type: 'span', instance, ...about } as const;
    await this.#channel.ask(request, anything, LIMITS.guest_call_ms);
  }

  /**
   * The answer to what an earlier agent asked of the instance. Throws HP_AGENT_ANSWER_LOST when the
   * guest does not know of it.
   */
  async resume(
    instance: string,
    { request_id, deadline_ms }: { readonly request_id: string; readonly deadline_ms: number },
  ): Promise<Answered> {
    const request = { type: 'resume', instance, request_id } as const;
    try {
      return this.#answered(await this.#channel.ask(request, invokedSchema, deadline_ms));
    } catch (error) {
      throw answerLost(instance, error);
    }
  }

  /** Which instances there are; null: the guest is of a version that does not tell. */
  async list(): Promise<FoundInstance[] | null> {
    try {
      const answer = await this.#channel.ask({ type: 'list' }, listedSchema, LIMITS.guest_call_ms);
      return answer.value.instances.map(({ instance, state }) => {
        return { instance_id: instance, is_alive: state !== 'ending' && state !== 'gone' };
      });
    } catch (error) {
      const guest_code = isHotplaneError(error) ? error.details['guest_code'] : undefined;
      if (guest_code === 'unknown-request') return null;
      throw error;
    }
  }

  /** Host time (ms) of something that the guest said of its own accord, just now at the latest. */
  toHost(guest_ms: number): number {
    return this.#clock_map.toHost(guest_ms, Number.NEGATIVE_INFINITY, this.#clock.nowMs());
  }

  async ping(): Promise<void> {
    await this.#channel.ask({ type: 'ping' }, anything, AGENT_LIMITS.guest_pong_ms);
  }

  /** The channel is over: the VM is being given up, and that answers everything in flight. */
  get isOver(): boolean {
    return this.#channel.isOver;
  }

  close(): void {
    this.#channel.close();
  }
}

/** What a guest says of an invocation it does not know; anything else is told as it is. */
function answerLost(instance: string, error: unknown): unknown {
  const guest_code = isHotplaneError(error) ? error.details['guest_code'] : undefined;
  if (guest_code !== 'no-such-invocation' && guest_code !== 'unknown-request') return error;
  return agentError(
    'HP_AGENT_ANSWER_LOST',
    `the agent was killed while ${instance} ran it, and its answer is not known any more.`,
    { cause: error },
  );
}
