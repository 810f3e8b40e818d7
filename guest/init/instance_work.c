// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/attached.h"
#include "../common/boottime.h"
#include "../common/json.h"
#include "../common/send_line.h"
#include "../common/text.h"
#include "channel.h"
#include "instance.h"
#include "reply.h"
#include "spawn.h"

void instance_fail_start(struct instance *instance, const char *code, const char *message)
{
	if (!instance->start.open)
		return;
	instance->start.open = false;
	reply_error(instance->start.id, code, message);
}

static void became_ready(struct instance *instance)
{
	if (instance->state != INSTANCE_STARTING)
		return;
	instance->state = INSTANCE_READY;
	instance->ready_at_ms = boottime_ms();
	instance_reply_started(instance);
}

void instance_reply_started(struct instance *instance)
{
	char result[256];
	struct text text;

	if (!instance->start.open)
		return;
	instance->start.open = false;
	text_init(&text, result, sizeof(result));
	text_add(&text, "{\"pid\":%d,\"created_at_ms\":%.3f", instance->pid,
		 instance->created_at_ms);
	text_add(&text, ",\"sandbox_at_ms\":%.3f,\"attached_at_ms\":%.3f",
		 instance->sandbox_at_ms, instance->attached_at_ms);
	text_add(&text, ",\"ready_at_ms\":%.3f}", instance->ready_at_ms);
	reply_result(instance->start.id, result, text.used);
}

/* Few looks for the time waited: the guest had no CPU, or its clock jumped. */
static void tell_looks(struct instance *instance, const struct spawn_note *note)
{
	size_t used = strlen(instance->failure);

	snprintf(instance->failure + used, sizeof(instance->failure) - used,
		 ": no block of %" PRIu64 " to %" PRIu64 " online in %.0f ms, %u looks",
		 instance->blocks.first, instance->blocks.end,
		 note->at_ms - instance->sandbox_at_ms, note->looks);
}

static void take_note(struct instance *instance, const struct spawn_note *note)
{
	const char *step = "start of the program";

	if (note->kind == SPAWN_SANDBOX) {
		instance->sandbox_at_ms = note->at_ms;
		return;
	}
	if (note->kind == SPAWN_REPLACED) {
		instance->pid = note->pid;
		/* Asked of the first one, which may have passed it by. */
		if (instance->asked_to_stop)
			kill(instance->pid, SIGTERM);
		return;
	}
	if (note->kind == SPAWN_ATTACHED) {
		instance->attached_at_ms = note->at_ms;
		return;
	}
	instance->failure_code = "spawn-failed";
	if (note->kind == SPAWN_ATTACH_FAILED) {
		instance->failure_code =
			note->error == ETIMEDOUT ? "attach-timeout" : "attach-refused";
		step = "attach to the region";
		/* It lives in none: whoever does is somebody else, who is not waited for. */
		instance->partition[0] = 0;
		instance->far_partition[0] = 0;
	}
	snprintf(instance->failure, sizeof(instance->failure), "%s: %s", step,
		 strerror(note->error));
	if (note->kind == SPAWN_ATTACH_FAILED && instance->attach == ATTACH_NUMA)
		tell_looks(instance, note);
	instance->start_failed = true;
}

static void status_ready(struct watch *watch, uint32_t events)
{
	struct instance *instance = container_of(watch, struct instance, status);
	struct spawn_note note;
	ssize_t got;

	(void)events;
	while ((got = read(watch->fd, &note, sizeof(note))) == sizeof(note))
		take_note(instance, &note);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch_remove(watch);
	if (instance->ready_on_exec && !instance->start_failed)
		became_ready(instance);
}

void instance_ended_by_itself(struct instance *instance)
{
	if (instance->ready_on_exec && instance->attached_at_ms > 0 && !instance->start_failed)
		became_ready(instance);
}

/* One line of a program, taken apart. */
struct told {
	struct json_document document;
	struct json_token tokens[PROTOCOL_WORK_REPLY_TOKENS];
	/* What is attached, with its mark. */
	const char *mark;
	size_t mark_length;
};

static const struct json_token *member(const struct told *told, const char *key)
{
	return json_member(&told->document, told->tokens, key);
}

static void finish_invoke(struct instance *instance, const struct told *told)
{
	const struct json_token *ok = member(told, "ok"), *result = member(told, "result");
	const struct json_document *document = &told->document;
	char code[64], message[256];

	instance->busy = false;
	spans_end_call(instance);
	if (instance->invoke.open)
		growth_tell(instance);
	if (ok && ok->type == JSON_BOOLEAN && ok->length == 4 && result &&
	    result->type == JSON_OBJECT)
		return instance_answer(instance, document->text + result->start, result->length,
				       told->mark, told->mark_length);
	if (json_string(document, member(told, "code"), code, sizeof(code)) < 1 ||
	    json_string(document, member(told, "message"), message, sizeof(message)) < 0)
		return instance_answer_error(instance, "bad-workload-reply",
					     "the program's answer has no result");
	instance_answer_error(instance, code, message);
}

static void fail_invoke(struct instance *instance, const char *why)
{
	if (instance->busy)
		instance_answer_error(instance, "bad-workload-reply", why);
	instance->busy = false;
}

static void pass_log(struct instance *instance, const struct told *told)
{
	const struct json_document *document = &told->document;
	bool is_error = json_equals(document, member(told, "stream"), "stderr");
	uint64_t dropped = 0;

	json_unsigned(document, member(told, "dropped_bytes"), &dropped);
	event_log(instance->name, is_error ? "stderr" : "stdout", dropped, told->mark,
		  told->mark_length);
}

/* A program that says why it cannot start is ended; its own end tells nothing better. */
static void refuse_start(struct instance *instance, const struct told *told)
{
	const struct json_document *document = &told->document;
	char code[64];

	if (instance->start_failed ||
	    json_string(document, member(told, "code"), code, sizeof(code)) < 1 ||
	    json_string(document, member(told, "message"), instance->failure,
			sizeof(instance->failure)) < 0)
		return;
	instance->failure_code = !strcmp(code, "init-error")   ? "init-error" :
				 !strcmp(code, "init-timeout") ? "init-timeout" :
								 "spawn-failed";
	instance->start_failed = true;
	cgroup_kill(instance->cgroup);
}

static void take_told(struct instance *instance, const struct told *told)
{
	const struct json_token *type = member(told, "type");
	bool is_awaited = instance->busy && instance->invoke.open;
	uint64_t bytes;

	if (json_equals(&told->document, type, "chunk")) {
		instance->answer_begun = true;
		if (is_awaited)
			event_chunk(instance->invoke.id, told->mark, told->mark_length);
	} else if (json_equals(&told->document, type, "credit")) {
		if (is_awaited && json_unsigned(&told->document, member(told, "bytes"), &bytes))
			event_credit(instance->invoke.id, bytes);
	} else if (json_equals(&told->document, type, "log")) {
		pass_log(instance, told);
	} else if (json_equals(&told->document, type, "span")) {
		span_asked(instance, &told->document);
	} else if (instance->busy) {
		finish_invoke(instance, told);
	} else if (instance->state == INSTANCE_STARTING) {
		refuse_start(instance, told);
	}
}

static void take_line(struct instance *instance, const char *line, size_t length)
{
	static struct told told;
	size_t json_length = attached_json_length(line, length);
	bool is_cut = instance->line_cut;

	instance->line_cut = false;
	if (instance->state == INSTANCE_STARTING && length == 0) {
		/* Written earlier, but the loop may see it later. */
		if (instance->status.added)
			status_ready(&instance->status, 0);
		return became_ready(instance);
	}
	if (is_cut || json_length > PROTOCOL_WORK_REPLY_BYTES ||
	    json_parse(&told.document, line, json_length, told.tokens, PROTOCOL_WORK_REPLY_TOKENS))
		return fail_invoke(instance, "the program's answer is no JSON");
	told.mark = line + json_length;
	told.mark_length = length - json_length;
	take_told(instance, &told);
}

/* Of each instance; apart from it, so that only what a program fills takes memory. */
static char lines[PROTOCOL_INSTANCES][PROTOCOL_LINE_BYTES];

/* @got of them are new: in the others no line ends. */
static void take_lines(struct instance *instance, char *bytes, size_t got)
{
	char *at = bytes, *used = bytes + instance->line_used, *seen = used - got, *end;

	while ((end = memchr(seen, '\n', (size_t)(used - seen)))) {
		take_line(instance, at, (size_t)(end - at));
		at = seen = end + 1;
	}
	instance->line_used -= (uint32_t)(at - bytes);
	memmove(bytes, at, instance->line_used);
	if (instance->line_used == PROTOCOL_LINE_BYTES) {
		instance->line_cut = true;
		instance->line_used = 0;
	}
}

static void hold_work(struct instance *instance, bool held)
{
	if (instance->work_held == held)
		return;
	instance->work_held = held;
	/* Its end is told of whatever is waited for: once is enough. */
	watch_change(&instance->work, held ? EPOLLONESHOT : EPOLLIN);
}

bool instance_drain_work(struct instance *instance)
{
	char *bytes = lines[instance - instance_at(0)];
	ssize_t got = 0;

	/* Bounded: a program that writes without end must not hold the loop. */
	for (int i = 0; instance->work.added && i < 8; i++) {
		size_t room = PROTOCOL_LINE_BYTES - instance->line_used;

		/* Of one whose end was told nobody waits for anything. */
		if (!channel_has_room() && (!instance->reaped || instance->end_due)) {
			hold_work(instance, true);
			return false;
		}
		got = read(instance->work.fd, bytes + instance->line_used, room);
		if (got <= 0)
			break;
		instance->line_used += (uint32_t)got;
		take_lines(instance, bytes, (size_t)got);
		/* There was no more; what comes now, the loop tells. */
		if ((size_t)got < room && !instance->reaped)
			return true;
	}
	if (got > 0) {
		loop_wake_within(0);
		return false;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* So the kernel says that whoever closed the other end had not read all that came there. */
	if (got < 0 && errno == ECONNRESET)
		instance->left_unread = true;
	watch_remove(&instance->work);
	return true;
}

void instance_resume_work(struct instance *instance)
{
	if (channel_has_room())
		hold_work(instance, false);
}

static void work_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	instance_drain_work(container_of(watch, struct instance, work));
}

void instance_listen(struct instance *instance, int work_fd, int status_fd)
{
	watch_add(&instance->work, work_fd, EPOLLIN, work_ready);
	watch_add(&instance->status, status_fd, EPOLLIN, status_ready);
}

bool instance_send_with(struct instance *instance, const char *line, size_t length, int fd)
{
	instance->sent_invoke = false;
	return instance->work.added && send_line_with(instance->work.fd, line, length, fd, 0);
}

bool instance_send_line(struct instance *instance, const char *line, size_t length)
{
	instance->sent_invoke = instance_send_with(instance, line, length, -1);
	return instance->sent_invoke;
}
