// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "../common/boottime.h"
#include "../common/text.h"
#include "instance.h"
#include "reply.h"

/* While processes or users of a partition are going: look again after this. */
#define SETTLE_POLL_MS 1

static bool ran_out_of_memory(const struct instance *instance)
{
	if (cgroup_oom_kills(instance->cgroup) > 0 || spans_ran_out(instance))
		return true;
	return instance->partition[0] &&
	       hotmem_attribute(instance->partition, "oom_count") > instance->partition_ooms;
}

static const char *reason_of(const struct instance *instance, int wait_status)
{
	int signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;

	if (!signal)
		return "exited";
	if (signal == SIGKILL && ran_out_of_memory(instance))
		return "oom";
	switch (signal) {
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGABRT:
	case SIGTRAP:
	case SIGSYS:
		return "crash";
	default:
		return "killed";
	}
}

static struct instance *find_process(pid_t pid)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++)
		if (instance_at(i)->state != INSTANCE_FREE && !instance_at(i)->reaped &&
		    instance_at(i)->pid == pid)
			return instance_at(i);
	return NULL;
}

/* What a process says of itself is there before its end, but the loop may see it later. */
static void hear_starting(void)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++)
		if (instance_at(i)->status.added)
			instance_at(i)->status.ready(&instance_at(i)->status, 0);
}

void instance_exited(pid_t pid, int wait_status)
{
	struct instance *instance;

	hear_starting();
	instance = find_process(pid);
	if (!instance)
		return;
	if (!WIFSIGNALED(wait_status))
		instance_ended_by_itself(instance);
	instance->reaped = true;
	instance->end_due = true;
	instance->wait_status = wait_status;
	/* From now on nothing of it writes any more. */
	cgroup_kill(instance->cgroup);
	instance_tell_end(instance);
}

void instance_tell_end(struct instance *instance)
{
	bool signaled = WIFSIGNALED(instance->wait_status);
	int wait_status = instance->wait_status;
	const char *reason;
	bool unheard;

	if (!instance_drain_work(instance))
		return;
	instance->end_due = false;
	/* A program begins with nothing that it has not read to its end. */
	unheard = instance->busy && instance->sent_invoke && instance->left_unread;
	reason = reason_of(instance, wait_status);
	instance->state = INSTANCE_ENDING;
	if (instance->start.open && !instance->start_failed) {
		instance->start_failed = true;
		instance->failure_code = "spawn-failed";
		snprintf(instance->failure, sizeof(instance->failure),
			 "the program ended before it was ready (%s)", reason);
	}
	/* An end that was asked for is told by the answer to `stop`. */
	if (!instance->start_failed && !instance->asked_to_stop)
		event_exit(instance->name, signaled ? -1 : WEXITSTATUS(wait_status),
			   signaled ? WTERMSIG(wait_status) : -1, reason,
			   unheard ? "" : instance->request_id);
	if (instance->busy || instance->invoke.open)
		instance_answer_error(instance, unheard ? "not-taken" : "instance-failed", reason);
	instance->busy = false;
	instance_settle(instance);
}

/* Of both partitions; one that it does not have has none. */
static uint64_t both(const struct instance *instance, const char *attribute)
{
	uint64_t sum = 0;

	if (instance->partition[0])
		sum += hotmem_attribute(instance->partition, attribute);
	if (instance->far_partition[0])
		sum += hotmem_attribute(instance->far_partition, attribute);
	return sum;
}

static bool all_gone(const struct instance *instance)
{
	if (!instance->reaped || instance->end_due)
		return false;
	if (cgroup_populated(instance->cgroup) || spans_users(instance))
		return false;
	return both(instance, "users") == 0;
}

static void answer_stop(struct instance *instance)
{
	char result[128];
	struct text text;

	text_init(&text, result, sizeof(result));
	text_add(&text, "{\"gone_at_ms\":%.3f,\"peak_bytes\":%" PRIu64 "}", instance->gone_at_ms,
		 instance->peak_bytes);
	reply_result(instance->stop.id, result, text.used);
	instance->state = INSTANCE_FREE;
}

static void become_gone(struct instance *instance)
{
	instance->gone_at_ms = boottime_ms();
	instance->peak_bytes = cgroup_peak_bytes(instance->cgroup);
	if (instance->partition[0])
		instance->peak_bytes = both(instance, "peak_bytes");
	watch_remove(&instance->work);
	watch_remove(&instance->status);
	growth_close(instance);
	cgroup_leave(instance->cgroup);
	instance->state = INSTANCE_GONE;
	if (!instance->start_failed)
		return;
	instance_fail_start(instance, instance->failure_code, instance->failure);
	if (!instance->stop.open)
		instance->state = INSTANCE_FREE;
}

/* Past its deadline: what still holds on is named, and waited for without the agent. */
static void give_up(struct instance *instance)
{
	char message[160];

	instance->stop.open = false;
	snprintf(message, sizeof(message), "processes %s, partition users %" PRIu64,
		 cgroup_populated(instance->cgroup) ? "left" : "gone", both(instance, "users"));
	reply_error(instance->stop.id, "stop-timeout", message);
	instance->asked_to_stop = false;
}

void instance_settle(struct instance *instance)
{
	double now_ms = boottime_ms();

	if (instance->state == INSTANCE_ENDING && all_gone(instance))
		become_gone(instance);
	if (instance->state == INSTANCE_GONE && instance->stop.open)
		return answer_stop(instance);
	if (instance->state != INSTANCE_ENDING)
		return;
	if (instance->asked_to_stop && !instance->killed && now_ms >= instance->kill_at_ms) {
		instance->killed = true;
		cgroup_kill(instance->cgroup);
	}
	if (instance->stop.open && now_ms >= instance->give_up_at_ms)
		give_up(instance);
	loop_wake_within(SETTLE_POLL_MS);
}
