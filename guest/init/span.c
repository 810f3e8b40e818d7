// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/text.h"
#include "channel.h"
#include "instance.h"
#include "reply.h"
#include "span.h"

/* The tables of its pages take so much of it beside it, and as much again to be sure. */
#define TABLES_SHARE 256
/* Between two news of one instance, however often its program asks. */
#define EVENT_GAP_MS 2
/* The VMM counts memory as plugged before the guest's kernel puts it into the partition. */
#define COME_POLL_MS 2
#define COME_MS 10000
#define TOO_MANY "an instance has at most " PROTOCOL_TEXT(PROTOCOL_SPANS) " spans at a time"
#define NAME_RULE \
	"open or close: a name of 1 to " PROTOCOL_TEXT(PROTOCOL_SPAN_NAME_BYTES) " bytes"

static uint64_t last_serial;

static struct span *find(struct instance *instance, const char *name)
{
	for (int i = 0; i < PROTOCOL_SPANS; i++) {
		struct span *span = &instance->spans.list[i];

		if (span->state != SPAN_FREE && !strcmp(span->name, name))
			return span;
	}
	return NULL;
}

static struct span *take_place(struct instance *instance)
{
	for (int i = 0; i < PROTOCOL_SPANS; i++)
		if (instance->spans.list[i].state == SPAN_FREE)
			return &instance->spans.list[i];
	return NULL;
}

static void tell_agent(struct instance *instance, const struct span *span, const char *state)
{
	char line[512];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"span\",\"instance\":");
	text_add_json(&text, instance->name);
	text_add(&text, ",\"span\":");
	text_add_json(&text, span->name);
	text_add(&text,
		 ",\"state\":\"%s\",\"serial\":%" PRIu64 ",\"bytes\":%" PRIu64
		 ",\"at_ms\":%.3f}",
		 state, span->serial, span->bytes, boottime_ms());
	instance->spans.told_at_ms = boottime_ms();
	channel_send(line, text.used);
}

/* What a program says: which span, and what it calls that. */
struct asked {
	char name[PROTOCOL_SPAN_NAME_BYTES + 1];
	uint64_t ask;
};

/* @fd -1: nothing comes with it. A program that does not read is not waited for. */
static bool tell_program(struct instance *instance, const struct asked *asked, const char *state,
			 const char *message, int fd)
{
	char line[1024];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"span\",\"span\":");
	text_add_json(&text, asked->name);
	if (asked->ask)
		text_add(&text, ",\"ask\":%" PRIu64, asked->ask);
	text_add(&text, ",\"state\":\"%s\"", state);
	if (message) {
		text_add(&text, ",\"message\":");
		text_add_json(&text, message);
	}
	text_add(&text, "}");
	return instance_send_with(instance, line, text.used, fd);
}

static void refuse(struct instance *instance, const struct asked *asked, const char *message)
{
	tell_program(instance, asked, "refused", message, -1);
}

static struct asked asked_of(const struct span *span)
{
	struct asked asked = { .ask = span->ask };

	strcpy(asked.name, span->name);
	return asked;
}

static void refuse_span(struct instance *instance, const struct span *span, const char *message)
{
	struct asked asked = asked_of(span);

	refuse(instance, &asked, message);
}

/* The first time at once; then not before the gap is over. */
static void tell_asked(struct instance *instance, struct span *span)
{
	double left_ms = instance->spans.told_at_ms + EVENT_GAP_MS - boottime_ms();

	if (left_ms > 0)
		return loop_wake_within((int)left_ms + 1);
	span->told = true;
	tell_agent(instance, span, "asked");
}

static void open_one(struct instance *instance, const struct asked *asked, uint64_t bytes)
{
	struct span *span = find(instance, asked->name);

	if (!instance->busy)
		return refuse(instance, asked, "no invocation is under way");
	if (span)
		return refuse(instance, asked, "it is open already");
	span = take_place(instance);
	if (!span)
		return refuse(instance, asked, TOO_MANY);
	*span = (struct span){
		.state = SPAN_ASKED,
		.bytes = bytes,
		.ask = asked->ask,
		.serial = ++last_serial,
	};
	strcpy(span->name, asked->name);
	tell_asked(instance, span);
}

/* What a span has is counted in its instance's cgroup, too, whose limit knows nothing of it. */
static void limit_memory(const struct instance *instance)
{
	uint64_t bytes = instance->memory_max_bytes;

	if (bytes == 0)
		return;
	for (int i = 0; i < PROTOCOL_SPANS; i++) {
		const struct span *span = &instance->spans.list[i];

		if (span->state == SPAN_COMING || span->state == SPAN_OPEN)
			bytes += span->bytes + span->bytes / TABLES_SHARE;
	}
	cgroup_limit(instance->cgroup, bytes);
}

static uint64_t users_of(const struct span *span)
{
	return span->state == SPAN_OPEN ? hotmem_attribute(span->partition, "users") : 0;
}

static void close_one(struct instance *instance, const struct asked *asked)
{
	struct span *span = find(instance, asked->name);

	if (!span || span->state != SPAN_OPEN)
		return refuse(instance, asked, "it is not open");
	if (users_of(span))
		return refuse(instance, asked, "a part of it is mapped");
	tell_agent(instance, span, "closed");
	span->state = SPAN_FREE;
	limit_memory(instance);
	tell_program(instance, asked, "closed", NULL, -1);
}

void span_asked(struct instance *instance, const struct json_document *document)
{
	const struct json_token *open = json_member(document, document->tokens, "open");
	const struct json_token *close = json_member(document, document->tokens, "close");
	struct asked asked = { 0 };
	uint64_t bytes = 0;

	json_unsigned(document, json_member(document, document->tokens, "ask"), &asked.ask);
	if (json_string(document, open ? open : close, asked.name, sizeof(asked.name)) < 1) {
		asked.name[0] = 0;
		return refuse(instance, &asked, NAME_RULE);
	}
	if (!open)
		return close_one(instance, &asked);
	if (!json_unsigned(document, json_member(document, document->tokens, "bytes"), &bytes) ||
	    bytes == 0)
		return refuse(instance, &asked, "bytes: a size above 0");
	open_one(instance, &asked, bytes);
}

/* NULL, or why it can never be opened. */
static const char *find_partition(struct span *span)
{
	if (!hotmem_find(span->region_pci, span->partition))
		return "no hotmem partition belongs to its region";
	if (!hotmem_has(span->partition, "spans"))
		return "this kernel has no spans";
	return NULL;
}

/* Before that its file could not be mapped, or would be worth nothing after the unplug before. */
static bool has_come(const struct span *span)
{
	char state[32] = "";

	hotmem_text(span->partition, "state", state, sizeof(state));
	return !strcmp(state, "ready") &&
	       hotmem_attribute(span->partition, "plugged_bytes") >= span->bytes;
}

/* NULL, or why it cannot be opened. */
static const char *hand_over(struct instance *instance, struct span *span)
{
	const struct asked asked = asked_of(span);
	char path[96];
	bool sent;
	int fd;

	/* It never grows: who touches more than it has is ended at once. */
	hotmem_set(span->partition, "grow_wait_ms", 0);
	span->ooms = hotmem_attribute(span->partition, "oom_count");
	snprintf(path, sizeof(path), "/dev/hotmem/%s", span->partition);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return strerror(errno);
	/* Only what this file is mapped to counts: the descriptor itself holds nothing. */
	sent = tell_program(instance, &asked, "open", NULL, fd);
	close(fd);
	return sent ? NULL : "the program takes no answer";
}

/* Opens it when it is there. The host has it back where it cannot be opened. */
static void come(struct instance *instance, struct span *span)
{
	const char *problem = "the guest's kernel did not get its memory";

	if (!has_come(span)) {
		if (boottime_ms() < span->until_ms)
			return loop_wake_within(COME_POLL_MS);
	} else {
		limit_memory(instance);
		problem = hand_over(instance, span);
	}
	if (!problem) {
		span->state = SPAN_OPEN;
		return;
	}
	refuse_span(instance, span, problem);
	tell_agent(instance, span, "closed");
	span->state = SPAN_FREE;
	limit_memory(instance);
}

void span_answer(uint64_t id, const struct span_word *word)
{
	struct instance *instance = instance_find(word->instance);
	struct span *span = instance ? find(instance, word->name) : NULL;
	const char *problem;

	if (!span || (word->serial && word->serial != span->serial) ||
	    (span->state == SPAN_OPEN && strcmp(span->region_pci, word->region_pci)))
		return reply_error(id, "no-such-span", "the instance asks for no such span");
	/* The agent that said so first may not have heard the answer. */
	if (span->state == SPAN_OPEN && !word->failure)
		return reply_result(id, "{}", 2);
	if (span->state == SPAN_OPEN)
		return reply_error(id, "no-such-span", "it is open already");
	if (word->failure) {
		span->state = SPAN_FREE;
		refuse_span(instance, span, word->failure);
		return reply_result(id, "{}", 2);
	}
	strcpy(span->region_pci, word->region_pci);
	problem = find_partition(span);
	if (problem) {
		span->state = SPAN_FREE;
		refuse_span(instance, span, problem);
		return reply_error(id, "no-such-span", problem);
	}
	span->state = SPAN_COMING;
	span->until_ms = boottime_ms() + COME_MS;
	reply_result(id, "{}", 2);
	come(instance, span);
}

void spans_end_call(struct instance *instance)
{
	for (int i = 0; i < PROTOCOL_SPANS; i++) {
		struct span *span = &instance->spans.list[i];

		if (span->state == SPAN_FREE || users_of(span))
			continue;
		tell_agent(instance, span, "closed");
		span->state = SPAN_FREE;
		limit_memory(instance);
	}
}

uint64_t spans_users(const struct instance *instance)
{
	uint64_t users = 0;

	for (int i = 0; i < PROTOCOL_SPANS; i++)
		users += users_of(&instance->spans.list[i]);
	return users;
}

bool spans_ran_out(const struct instance *instance)
{
	for (int i = 0; i < PROTOCOL_SPANS; i++) {
		const struct span *span = &instance->spans.list[i];

		if (span->state == SPAN_OPEN &&
		    hotmem_attribute(span->partition, "oom_count") > span->ooms)
			return true;
	}
	return false;
}

void spans_tell_all(void)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		struct instance *instance = instance_at(i);

		if (instance->state != INSTANCE_READY && instance->state != INSTANCE_ENDING)
			continue;
		for (int j = 0; j < PROTOCOL_SPANS; j++) {
			struct span *span = &instance->spans.list[j];

			if (span->state == SPAN_FREE)
				continue;
			span->told = true;
			tell_agent(instance, span, span->state == SPAN_OPEN ? "open" : "asked");
		}
	}
}

void spans_tick(void)
{
	for (int i = 0; i < PROTOCOL_INSTANCES; i++) {
		struct instance *instance = instance_at(i);

		if (instance->state != INSTANCE_READY)
			continue;
		for (int j = 0; j < PROTOCOL_SPANS; j++) {
			struct span *span = &instance->spans.list[j];

			if (span->state == SPAN_ASKED && !span->told)
				tell_asked(instance, span);
			else if (span->state == SPAN_COMING)
				come(instance, span);
		}
	}
}
