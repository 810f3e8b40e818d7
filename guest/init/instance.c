// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/text.h"
#include "instance.h"
#include "node_memory.h"
#include "reply.h"
#include "spawn.h"

static struct instance instances[PROTOCOL_INSTANCES];

struct instance *instance_at(int index)
{
	return &instances[index];
}

struct instance *instance_find(const char *name)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++)
		if (instances[i].state != INSTANCE_FREE && !strcmp(instances[i].name, name))
			return &instances[i];
	return NULL;
}

static bool is_alive(const struct instance *instance)
{
	return instance->state != INSTANCE_FREE && instance->state != INSTANCE_GONE;
}

static bool is_near(const struct instance *instance, const char *region_pci)
{
	return !strcmp(instance->region_pci, region_pci);
}

static bool is_far(const struct instance *instance, const char *region_pci)
{
	return instance->far_pci[0] && !strcmp(instance->far_pci, region_pci);
}

int instances_users(const char *region_pci)
{
	int users = 0;

	for (int i = 0; i < PROTOCOL_INSTANCES; i++)
		if (is_alive(&instances[i]) &&
		    (is_near(&instances[i], region_pci) || is_far(&instances[i], region_pci)))
			users++;
	return users;
}

bool instances_node_bytes(const char *region_pci, uint64_t *bytes)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		const struct instance *instance = &instances[i];
		int node = -1;

		if (!is_alive(instance))
			continue;
		if (is_near(instance, region_pci))
			node = instance->node;
		else if (is_far(instance, region_pci))
			node = instance->far_node;
		if (node >= 0)
			return cgroup_node_bytes(instance->cgroup, node, bytes);
	}
	return false;
}

/* A free place, else that of the instance that has been gone longest. */
static struct instance *take_place(void)
{
	struct instance *oldest = NULL;

	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		struct instance *instance = &instances[i];

		if (instance->state == INSTANCE_FREE)
			return instance;
		if (instance->state == INSTANCE_GONE &&
		    (!oldest || instance->gone_at_ms < oldest->gone_at_ms))
			oldest = instance;
	}
	return oldest;
}

static const char *find_partitions(struct instance *instance)
{
	if (!hotmem_find(instance->region_pci, instance->partition))
		return hotmem_present() ? "no hotmem partition belongs to this region"
					: "this kernel has no hotmem partitions";
	/* Who runs out of both is counted by the first. */
	instance->partition_ooms = hotmem_attribute(instance->partition, "oom_count");
	if (!instance->far_pci[0])
		return NULL;
	if (!hotmem_has(instance->partition, "members"))
		return "this kernel gives a process one partition, and none beside it";
	if (!hotmem_find(instance->far_pci, instance->far_partition))
		return "no hotmem partition belongs to the far region";
	return NULL;
}

static const char *find_region(struct instance *instance)
{
	if (instance->attach == ATTACH_NUMA) {
		node_memory_keep();
		instance->blocks = devices_blocks(instance->region_pci);
		if (instance->far_pci[0])
			instance->far_blocks = devices_blocks(instance->far_pci);
	}
	return instance->attach == ATTACH_HOTMEM ? find_partitions(instance) : NULL;
}

static void nodes_of(const struct start_request *request, char *out, size_t size)
{
	out[0] = 0;
	if (request->far_node >= 0)
		snprintf(out, size, "%d,%d", request->guest_node, request->far_node);
	else if (request->guest_node >= 0)
		snprintf(out, size, "%d", request->guest_node);
}

static void refuse_spawn(struct instance *instance, uint64_t id, const char *step, int error)
{
	char message[160];

	snprintf(message, sizeof(message), "%s: %s", step, strerror(-error));
	reply_error(id, "spawn-failed", message);
	instance->state = INSTANCE_FREE;
}

/* The agent that asked first may not have heard the answer. */
static void start_again(struct instance *instance, uint64_t id,
			const struct start_request *request)
{
	bool is_one = instance->orphaned && !strcmp(instance->region_pci, request->region_pci);

	if (!is_one || instance->state == INSTANCE_ENDING)
		return reply_error(id, "instance-exists", "an instance of this name is alive");
	instance->orphaned = false;
	instance->start = (struct pending){ .open = true, .id = id };
	if (instance->state == INSTANCE_READY)
		instance_reply_started(instance);
}

void instance_start(uint64_t id, const struct start_request *request)
{
	struct instance *instance = instance_find(request->instance);
	struct spawned spawned;
	const char *refusal;
	char nodes[32];
	int error;

	if (instance && instance->state != INSTANCE_GONE)
		return start_again(instance, id, request);
	if (!instance)
		instance = take_place();
	if (!instance)
		return reply_error(id, "too-many-instances", "no place for another instance");
	memset(instance, 0, sizeof(*instance));
	strcpy(instance->name, request->instance);
	strcpy(instance->region_pci, request->region_pci);
	strcpy(instance->far_pci, request->far_pci);
	instance->node = request->guest_node;
	instance->far_node = request->far_node;
	instance->attach = request->attach;
	instance->memory_max_bytes = request->memory_max_bytes;
	instance->created_at_ms = boottime_ms();
	refusal = find_region(instance);
	if (refusal)
		return reply_error(id, "attach-refused", refusal);
	/*
	 * One process of an instance without the others is of no use; a privileged one (a test of
	 * the kernel) is itself the judge of who may die.
	 */
	nodes_of(request, nodes, sizeof(nodes));
	error = cgroup_take(instance->cgroup, request->memory_max_bytes, nodes, !request->as_root,
			    request->supervised ? PROTOCOL_SUPERVISED_PIDS : 0);
	if (error)
		return refuse_spawn(instance, id, "cgroup", error);
	growth_open(instance, request->grow_wait_ms);
	error = spawn(instance, request, &spawned);
	if (error) {
		growth_close(instance);
		cgroup_leave(instance->cgroup);
		return refuse_spawn(instance, id, "fork", error);
	}
	instance->state = INSTANCE_STARTING;
	instance->pid = spawned.pid;
	instance->start = (struct pending){ .open = true, .id = id };
	instance->ready_on_exec = request->ready_on_exec;
	instance_listen(instance, spawned.work_fd, spawned.status_fd);
}

void instance_invoke(uint64_t id, const char *name, const char *request_id, const char *line,
		     size_t length)
{
	struct instance *instance = instance_find(name);

	if (!instance || instance->state == INSTANCE_GONE)
		return reply_error(id, "no-such-instance", "no living instance of this name");
	if (instance->state != INSTANCE_READY)
		return reply_error(id, "not-ready", "the instance is starting or ending");
	if (instance->busy)
		return reply_error(id, "busy", "the instance serves one invocation at a time");
	if (!instance_send_line(instance, line, length))
		return reply_error(id, "not-taken", "the program takes no requests");
	instance->busy = true;
	instance->answer_begun = false;
	snprintf(instance->request_id, sizeof(instance->request_id), "%s", request_id);
	instance_forget_answer(instance);
	instance->invoke = (struct pending){ .open = true, .id = id };
}

void instance_resume(uint64_t id, const char *name, const char *request_id)
{
	struct instance *instance = instance_find(name);

	if (!instance || !*request_id || strcmp(instance->request_id, request_id))
		return reply_error(id, "no-such-invocation", "the instance knows of no such one");
	if (instance->answer_begun)
		return reply_error(id, "no-such-invocation", "a part of its answer is lost");
	if (!instance->busy)
		return instance_answer_again(instance, id);
	instance->invoke = (struct pending){ .open = true, .id = id };
}

static const char *state_name(const struct instance *instance)
{
	switch (instance->state) {
	case INSTANCE_STARTING:
		return "starting";
	case INSTANCE_READY:
		return instance->busy ? "busy" : "ready";
	case INSTANCE_ENDING:
		return "ending";
	default:
		return "gone";
	}
}

void instances_list(uint64_t id)
{
	static char result[PROTOCOL_LINE_BYTES];
	const char *separator = "";
	struct text text;

	text_init(&text, result, sizeof(result));
	text_add(&text, "{\"instances\":[");
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		if (instances[i].state == INSTANCE_FREE)
			continue;
		text_add(&text, "%s{\"instance\":", separator);
		text_add_json(&text, instances[i].name);
		text_add(&text, ",\"state\":\"%s\"}", state_name(&instances[i]));
		separator = ",";
	}
	text_add(&text, "]}");
	if (text.overflow)
		return reply_error(id, "reply-too-long", "the answer does not fit into one line");
	reply_result(id, result, text.used);
}

void instances_pass_chunk(uint64_t of, const char *line, size_t length)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		struct instance *instance = &instances[i];

		if (instance->state != INSTANCE_READY || !instance->invoke.open ||
		    instance->invoke.id != of)
			continue;
		/* Of one that was sent in part nobody knows what its program began with. */
		if (instance_send_with(instance, line, length, -1))
			return;
		instance->invoke.open = false;
		return reply_error(of, "instance-failed", "the program takes no more of its payload");
	}
}

static void begin_stop(struct instance *instance)
{
	double now_ms = boottime_ms();

	if (instance->asked_to_stop)
		return;
	instance->asked_to_stop = true;
	instance->kill_at_ms = now_ms + PROTOCOL_STOP_GRACE_MS;
	instance->give_up_at_ms = now_ms + PROTOCOL_STOP_GIVE_UP_MS;
	if (!instance->reaped)
		kill(instance->pid, SIGTERM);
	instance_fail_start(instance, "stopped", "the instance was stopped while it started");
	instance->state = INSTANCE_ENDING;
}

void instance_stop(uint64_t id, const char *name)
{
	struct instance *instance = instance_find(name);

	if (!instance)
		return reply_error(id, "no-such-instance", "no instance of this name");
	if (instance->stop.open)
		return reply_error(id, "busy", "the instance is being stopped already");
	instance->stop = (struct pending){ .open = true, .id = id };
	if (instance->state != INSTANCE_GONE)
		begin_stop(instance);
	instance_settle(instance);
}

void instances_tick(void)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		if (instances[i].work_held)
			instance_resume_work(&instances[i]);
		if (instances[i].end_due)
			instance_tell_end(&instances[i]);
		if (instances[i].state == INSTANCE_ENDING)
			instance_settle(&instances[i]);
	}
}

static bool is_in(struct block_range blocks, uint64_t block)
{
	return block >= blocks.first && block < blocks.end;
}

void instances_memory_came(uint64_t block)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		struct instance *instance = &instances[i];

		if (instance->state == INSTANCE_STARTING && !instance->reaped &&
		    (is_in(instance->blocks, block) || is_in(instance->far_blocks, block)))
			kill(instance->pid, SIGCONT);
	}
}

void instances_forget_requests(void)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		instances[i].orphaned = true;
		instances[i].start.open = false;
		instances[i].invoke.open = false;
		instances[i].stop.open = false;
	}
}
