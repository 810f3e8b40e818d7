/**
 * What both sides of the guest protocol must hold alike. guest/common/protocol_constants.h, which
 * the C programs of the guest include, is written from here by tools/guest-protocol-header.ts:
 * `serial_port` is PROTOCOL_SERIAL_PORT there. Pure.
 */
import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';

export const PROTOCOL = {
  /** Versions of the protocol that this project speaks, on either side. */
  version_min: 2,
  version_max: 2,

  /** Name of the virtio-serial port on which the guest finds its host. */
  serial_port: 'hotplane.agent.0',
  /** The vsock port on which the guest listens. */
  vsock_port: 1024,
  /** Serials of the disks with the base runtime and the function (packages.c of the init). */
  base_serial: 'hotplane-base',
  function_serial: 'hotplane-function',
  /** One line with its end, either direction. The host ends the channel at a longer one. */
  line_bytes: 64 * 1024,
  /** Ends the JSON of a line; then bytes in which this escape tells one byte, flipped so. */
  attached_mark: 0x1f,
  attached_escape: 0x1b,
  attached_flip: 0x40,
  /** One payload, to an instance or from it. */
  payload_bytes: LIMITS.payload_bytes,
  /** Most of a payload in one line, before its escapes. */
  payload_chunk_bytes: 24 * 1024,
  /** Of a payload to an instance: sent, and not yet told to be taken. */
  payload_window_bytes: 256 * 1024,
  /**
   * What was taken is told when it is so much. Agents of before send whole chunks, 128 KiB ahead:
   * more than 104 KiB would never be there, and both would wait for ever.
   */
  payload_credit_bytes: 64 * 1024,
  /** A content type. */
  content_type_bytes: 256,
  /** Of an HTTP request that an invocation is: method, path with its query, and header fields. */
  http_method_bytes: 16,
  http_path_bytes: 2_048,
  http_head_bytes: 8 * 1024,
  /** Header fields of a program's answer; as JSON they fit into `work_reply_bytes`. */
  http_answer_head_bytes: 4 * 1024,
  /** JSON tokens of one request to the init. */
  request_tokens: 2_048,
  /** The `message` of a refusal. */
  error_message_bytes: 512,

  /** Name of an instance. */
  instance_name_bytes: 128,
  /** `request_id` of an invocation. */
  request_id_bytes: 64,
  /** Instances of one guest that live, or whose end nobody has asked for yet. */
  instances: 256,
  /** A region's PCI address, as both sides name it. */
  region_pci_bytes: 63,
  /** Regions of one guest, and regions that one `stats` request may name. */
  regions: 256,
  /** Highest number of a guest NUMA node. */
  guest_node_max: 1_023,
  /** Pages that may be taken of a node before the next one's turn: the kernel's own bound. */
  node_weight_max: 255,

  /** Arguments of `start`, and variables of its environment; together their bytes. */
  start_strings: 256,
  start_bytes: 48 * 1024,
  /** `attach_timeout_ms` of `start`. */
  attach_timeout_ms: 600_000,
  /** `grow_wait_ms` of `start`. */
  grow_wait_ms: 3_600_000,
  /**
   * Variables of `start` that are for the init: with USER=root the program keeps the root's rights,
   * with USER=supervisor too, for it takes them from the program that it starts (guest/runtime);
   * with READY=exec it counts as ready when it runs, and is asked nothing.
   */
  user_variable: 'HOTPLANE_USER',
  user_root: 'root',
  user_supervisor: 'supervisor',
  ready_variable: 'HOTPLANE_READY',
  ready_exec: 'exec',

  /** Tells a supervisor the user that is its instance's own. */
  uid_variable: 'HOTPLANE_UID',
  /** Tells a program of a package the socket on which it asks for spans. */
  spans_variable: 'HOTPLANE_SPANS',
  /** Processes and threads of one supervised instance. */
  supervised_pids: 1_024,

  /** From SIGTERM to an instance until all of it is killed. */
  stop_grace_ms: 200,
  /** `stop` is refused with `stop-timeout` when something of the instance is left after this. */
  stop_give_up_ms: 25_000,

  /** File descriptor on which a program is asked, one JSON line at a time, and answers. */
  work_fd: 3,
  /** JSON tokens of a payload that a program of the image reads. */
  work_tokens: 512,
  /** Phases of one emulated invocation. */
  work_phases: 64,
  /** Its steps that open a span, and how often one of them may do so. */
  work_spans: 8,
  work_span_times: 100_000,
  /** Of so many of them, the first, its answer tells what they took. */
  work_spans_told: 512,
  /** Spans that an instance may have at a time, and the name of one. */
  spans: 8,
  span_name_bytes: 63,
  /** The JSON of what a program tells, and its tokens. */
  work_reply_bytes: 8_192,
  work_reply_tokens: 64,
} as const;

/** A refusal needs its way back before the host, which knows less, gives the guest up. */
const STOP_REPLY_MS = 5_000;
assert(
  PROTOCOL.stop_grace_ms < PROTOCOL.stop_give_up_ms &&
    PROTOCOL.stop_give_up_ms + STOP_REPLY_MS <= LIMITS.instance_stop_ms,
  'the guest tells what is left of an instance before the host stops waiting',
);
assert(
  LIMITS.plug_ms <= PROTOCOL.attach_timeout_ms,
  'an instance may wait for its partition as long as a plug may take',
);
assert(
  PROTOCOL.start_bytes < PROTOCOL.line_bytes && PROTOCOL.work_reply_bytes < PROTOCOL.line_bytes,
  'what a program is started with, and what it answers, fits into a line',
);
assert(
  PROTOCOL.start_strings * 3 + 64 <= PROTOCOL.request_tokens,
  'a start with as many arguments and variables as it may have fits into the tokens',
);
assert(
  PROTOCOL.work_reply_bytes + 2 * PROTOCOL.payload_chunk_bytes < PROTOCOL.line_bytes,
  'a chunk whose every byte is escaped fits into a line beside its JSON',
);
assert(
  PROTOCOL.http_head_bytes + PROTOCOL.http_path_bytes + 2 * PROTOCOL.payload_chunk_bytes + 2_048 <
    PROTOCOL.line_bytes,
  'an invocation that is an HTTP request fits into a line',
);
assert(
  2 * PROTOCOL.payload_chunk_bytes <= PROTOCOL.payload_window_bytes,
  'a chunk is on its way while another is taken',
);
assert(
  LIMITS.grow_wait_ms_max <= PROTOCOL.grow_wait_ms,
  'an instance may wait for growth as long as its function says',
);
assert(LIMITS.regions_per_vm <= PROTOCOL.regions, 'the guest knows every region a VM may have');
