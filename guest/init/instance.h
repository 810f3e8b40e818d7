/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_INSTANCE_H
#define HOTPLANE_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../common/protocol_constants.h"
#include "cgroup.h"
#include "devices.h"
#include "growth.h"
#include "hotmem.h"
#include "loop.h"
#include "span.h"

#define INSTANCE_NAME_RULE \
	"instance: a name of 1 to " PROTOCOL_TEXT(PROTOCOL_INSTANCE_NAME_BYTES) " bytes"

enum attach_kind { ATTACH_NONE, ATTACH_NUMA, ATTACH_HOTMEM };

enum instance_state {
	INSTANCE_FREE,
	/* Forked; waits for its partition or for the ready byte. */
	INSTANCE_STARTING,
	INSTANCE_READY,
	/* The first process ended, or it was asked to: everything of it is going. */
	INSTANCE_ENDING,
	/* Nothing of it is left; kept until `stop` asks, or the place is needed. */
	INSTANCE_GONE,
};

/* A request that waits for its reply. Forgotten when the agent's connection goes. */
struct pending {
	bool open;
	uint64_t id;
};

struct instance {
	enum instance_state state;
	char name[PROTOCOL_INSTANCE_NAME_BYTES + 1];
	char region_pci[PROTOCOL_REGION_PCI_BYTES + 1];
	enum attach_kind attach;
	char partition[HOTMEM_NAME_MAX];
	/* Of the region; only looked up where a child waits for them. */
	struct block_range blocks;
	/* Another region that its memory comes from as well; empty: there is none. */
	char far_pci[PROTOCOL_REGION_PCI_BYTES + 1];
	char far_partition[HOTMEM_NAME_MAX];
	struct block_range far_blocks;
	/* The nodes that the two regions are; -1: none. */
	int node;
	int far_node;
	char cgroup[CGROUP_PATH_MAX];
	/* Of its cgroup, without its spans; 0: no limit. */
	uint64_t memory_max_bytes;
	pid_t pid;
	bool reaped;
	/* It ended, which is told when what it wrote has been read; and how. */
	bool end_due;
	int wait_status;
	bool asked_to_stop;
	bool killed;
	/* Why the start failed; told once nothing of it is left, so that it can be tried again. */
	bool start_failed;
	const char *failure_code;
	char failure[160];
	/* Serves an invocation, whether or not somebody still waits for the answer. */
	bool busy;
	bool ready_on_exec;
	uint64_t partition_ooms;

	/* To the program: requests and their payloads out, its lines in. */
	struct watch work;
	/* From the child until it becomes the program. */
	struct watch status;
	struct growth growth;
	struct spans spans;

	struct pending start;
	struct pending invoke;
	struct pending stop;

	double created_at_ms;
	double sandbox_at_ms;
	double attached_at_ms;
	double ready_at_ms;
	double gone_at_ms;
	double kill_at_ms;
	double give_up_at_ms;
	uint64_t peak_bytes;

	/* The agent's connection went since it was started: `start` may come once more. */
	bool orphaned;
	/* Of the invocation that runs, or ended last; its answer is kept in instance_answer.c. */
	char request_id[PROTOCOL_REQUEST_ID_BYTES + 1];
	/* A part of its answer was sent before its end. */
	bool answer_begun;

	/* It was sent an invocation, and nothing after; and it ended before it had read all. */
	bool sent_invoke;
	bool left_unread;

	/* Of the line that the program is writing; its bytes are kept in instance_work.c. */
	uint32_t line_used;
	/* It is longer than a line may be. */
	bool line_cut;
	/* Not read while the channel has no room for more. */
	bool work_held;
};

/* What `start` asks for, decoded. Strings live in @bytes. */
struct start_request {
	char instance[PROTOCOL_INSTANCE_NAME_BYTES + 1];
	char region_pci[PROTOCOL_REGION_PCI_BYTES + 1];
	enum attach_kind attach;
	int guest_node;
	/*
	 * Another region, its node where regions have one, and how many pages come from each by
	 * turns; empty and -1.
	 */
	char far_pci[PROTOCOL_REGION_PCI_BYTES + 1];
	int far_node;
	int near_weight;
	int far_weight;
	uint32_t attach_timeout_ms;
	uint64_t memory_max_bytes;
	/* How long it waits for more where it is full; 0: not, and nothing is told of it. */
	uint32_t grow_wait_ms;
	char *argv[PROTOCOL_START_STRINGS + 1];
	char *env[PROTOCOL_START_STRINGS + 1];
	bool as_root;
	/* Root, for the time until it started the program of somebody else. */
	bool supervised;
	/* Ready when the program runs; it gets no requests. */
	bool ready_on_exec;
	char bytes[PROTOCOL_START_BYTES];
};

struct instance *instance_find(const char *name);
struct instance *instance_at(int index);

void instance_start(uint64_t id, const struct start_request *request);
/* @line: the whole request, forwarded to the program as it is. */
void instance_invoke(uint64_t id, const char *name, const char *request_id, const char *line,
		     size_t length);
/* For the answer of an invocation that an earlier connection asked for. */
void instance_resume(uint64_t id, const char *name, const char *request_id);
/* Answers which instances there are. */
void instances_list(uint64_t id);
/* More of the payload of request @of, forwarded in the same way. */
void instances_pass_chunk(uint64_t of, const char *line, size_t length);
void instance_stop(uint64_t id, const char *name);
/* A process of the guest was reaped; it may be none of ours. */
void instance_exited(pid_t pid, int wait_status);
/* Moves ending instances on; called once a round. */
void instances_tick(void);
void instances_forget_requests(void);
/* Memory block number @block went online: tells the children that wait for it (SIGCONT). */
void instances_memory_came(uint64_t block);
/* Living instances of a region. */
int instances_users(const char *region_pci);
/* What a living instance has on the node that its region is; false: not known. */
bool instances_node_bytes(const char *region_pci, uint64_t *bytes);

/* instance_work.c: the way to the program. */
void instance_listen(struct instance *instance, int work_fd, int status_fd);
/* False when there may be more than was read now. */
bool instance_drain_work(struct instance *instance);
/*
 * It exited. Until it is its program it says why it does so; that it has become that is seen by
 * the end of its status, which who waited in its place may have open for a moment longer.
 */
void instance_ended_by_itself(struct instance *instance);
/* Reads on where the channel had no room; called once a round. */
void instance_resume_work(struct instance *instance);
/* The line of an invocation to the program; its end is added. False when it takes none. */
bool instance_send_line(struct instance *instance, const char *line, size_t length);
/* The same with an open file beside it; @fd -1: with none. */
bool instance_send_with(struct instance *instance, const char *line, size_t length, int fd);
void instance_fail_start(struct instance *instance, const char *code, const char *message);

/* instance_answer.c: answers of invocations, kept until the next one for who asks again. */
void instance_answer(struct instance *instance, const char *result, size_t length,
		     const char *mark, size_t mark_length);
void instance_answer_error(struct instance *instance, const char *code, const char *message);
void instance_answer_again(struct instance *instance, uint64_t id);
void instance_forget_answer(struct instance *instance);
/* Answers the `start` of an instance that is ready. */
void instance_reply_started(struct instance *instance);

/* instance_end.c: tells an end that is due, once nothing is left to be read before it. */
void instance_tell_end(struct instance *instance);
/* Moves an ending instance on as far as it goes, and answers `stop`. */
void instance_settle(struct instance *instance);

#endif
