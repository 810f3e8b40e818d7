// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/json.h"
#include "../common/text.h"
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
	char result[256];
	struct text text;

	if (instance->state != INSTANCE_STARTING)
		return;
	instance->state = INSTANCE_READY;
	if (!instance->start.open)
		return;
	instance->start.open = false;
	text_init(&text, result, sizeof(result));
	text_add(&text, "{\"pid\":%d,\"created_at_ms\":%.3f", instance->pid,
		 instance->created_at_ms);
	text_add(&text, ",\"sandbox_at_ms\":%.3f,\"attached_at_ms\":%.3f",
		 instance->sandbox_at_ms, instance->attached_at_ms);
	text_add(&text, ",\"ready_at_ms\":%.3f}", boottime_ms());
	reply_result(instance->start.id, result, text.used);
}

static void take_note(struct instance *instance, const struct spawn_note *note)
{
	const char *step = "start of the program";

	if (note->kind == SPAWN_SANDBOX) {
		instance->sandbox_at_ms = note->at_ms;
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
	}
	snprintf(instance->failure, sizeof(instance->failure), "%s: %s", step,
		 strerror(note->error));
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

static void finish_invoke(struct instance *instance)
{
	struct json_token tokens[PROTOCOL_WORK_REPLY_TOKENS];
	const struct json_token *ok, *result;
	uint64_t id = instance->invoke.id;
	struct json_document document;
	char code[64], message[256];

	instance->busy = false;
	if (!instance->invoke.open)
		return;
	instance->invoke.open = false;
	if (json_parse(&document, instance->reply, instance->reply_used, tokens,
		       PROTOCOL_WORK_REPLY_TOKENS))
		return reply_error(id, "bad-workload-reply", "the program's answer is no JSON");
	ok = json_member(&document, tokens, "ok");
	result = json_member(&document, tokens, "result");
	if (ok && ok->type == JSON_BOOLEAN && ok->length == 4 && result &&
	    result->type == JSON_OBJECT)
		return reply_result(id, document.text + result->start, result->length);
	if (json_string(&document, json_member(&document, tokens, "code"), code, sizeof(code)) < 1 ||
	    json_string(&document, json_member(&document, tokens, "message"), message,
			sizeof(message)) < 0)
		return reply_error(id, "bad-workload-reply", "the program's answer has no result");
	reply_error(id, code, message);
}

static void take_line(struct instance *instance)
{
	if (instance->state == INSTANCE_STARTING && instance->reply_used == 0) {
		/* Written earlier, but the loop may see it later. */
		if (instance->status.added)
			status_ready(&instance->status, 0);
		became_ready(instance);
	} else if (instance->busy) {
		finish_invoke(instance);
	}
	instance->reply_used = 0;
}

static void take_byte(struct instance *instance, char byte)
{
	if (byte == '\n')
		return take_line(instance);
	/* What does not fit is cut and then found to be no JSON. */
	if (instance->reply_used < PROTOCOL_WORK_REPLY_BYTES)
		instance->reply[instance->reply_used++] = byte;
}

void instance_drain_work(struct instance *instance)
{
	char bytes[4096];
	ssize_t got = 0;

	/* Bounded: a program that writes without end must not hold the loop. */
	for (int i = 0; instance->work.added && i < 8; i++) {
		got = read(instance->work.fd, bytes, sizeof(bytes));
		if (got <= 0)
			break;
		for (ssize_t at = 0; at < got; at++)
			take_byte(instance, bytes[at]);
	}
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		watch_remove(&instance->work);
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

void instance_send_work(struct instance *instance, uint64_t id, const char *work, size_t length)
{
	char line[PROTOCOL_WORK_LINE_BYTES];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add_bytes(&text, work, length);
	text_add_bytes(&text, "\n", 1);
	if (text.overflow)
		return reply_error(id, "bad-request", "work is too long");
	if (!instance->work.added ||
	    send(instance->work.fd, line, text.used, MSG_NOSIGNAL) != (ssize_t)text.used)
		return reply_error(id, "instance-failed", "the program takes no requests");
	instance->busy = true;
	instance->invoke = (struct pending){ .open = true, .id = id };
}
