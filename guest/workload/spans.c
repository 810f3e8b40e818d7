// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/text.h"
#include "../common/work_loop.h"
#include "work.h"

#define PAGE_BYTES 4096ULL
#define ANSWER_TOKENS 16

static char problem[512];

/* What one took: until it was mapped, touched, and until its end was answered. */
struct took {
	double open_ms;
	double touch_ms;
	double close_ms;
};

static struct took told[PROTOCOL_WORK_SPANS_TOLD];
static size_t told_count;

/* One line, and the file that came with it; -1: none did. Nothing else comes while it is asked. */
static ssize_t read_answer(char *line, size_t size, int *fd)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
	size_t used = 0;

	*fd = -1;
	while (used < size) {
		struct iovec part = { .iov_base = line + used, .iov_len = size - used };
		struct msghdr message = {
			.msg_iov = &part,
			.msg_iovlen = 1,
			.msg_control = room,
			.msg_controllen = sizeof(room),
		};
		ssize_t got = recvmsg(PROTOCOL_WORK_FD, &message, MSG_CMSG_CLOEXEC);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		if (header && header->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(header), sizeof(int));
		used += (size_t)got;
		if (line[used - 1] == '\n')
			return (ssize_t)used - 1;
	}
	return -1;
}

/* Says one line and waits for its answer, which is to be @state. NULL, or what went wrong. */
static const char *ask(const struct text *said, const char *name, const char *state, int *fd)
{
	struct json_token tokens[ANSWER_TOKENS];
	struct json_document document;
	char line[2048], message[256];
	ssize_t length;

	work_answer(said->data, said->used);
	length = read_answer(line, sizeof(line), fd);
	if (length < 0 || json_parse(&document, line, (size_t)length, tokens, ANSWER_TOKENS))
		return "no answer to a span";
	if (json_equals(&document, json_member(&document, tokens, "state"), state))
		return NULL;
	if (json_string(&document, json_member(&document, tokens, "message"), message,
			sizeof(message)) < 0)
		strcpy(message, "refused");
	snprintf(problem, sizeof(problem), "span '%s': %s", name, message);
	return problem;
}

static const char *failed(const char *name, const char *step)
{
	snprintf(problem, sizeof(problem), "span '%s': %s: %s", name, step, strerror(errno));
	return problem;
}

/* A write to each page; what it finds there must be zero, whoever had the memory before. */
static const char *touch(const char *name, unsigned char *base, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE_BYTES) {
		volatile uint64_t *words = (volatile uint64_t *)(base + at);

		words[1] = at + 1;
		if (words[0] != 0) {
			snprintf(problem, sizeof(problem),
				 "span '%s': byte %" PRIu64 " was not zero when fresh", name, at);
			return problem;
		}
		words[0] = ~at;
	}
	return NULL;
}

static const char *open_span(const struct span_step *step, unsigned char **base)
{
	char line[256];
	struct text text;
	const char *error;
	int fd;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"span\",\"open\":");
	text_add_json(&text, step->span);
	text_add(&text, ",\"bytes\":%" PRIu64 "}\n", step->bytes);
	error = ask(&text, step->span, "open", &fd);
	if (error)
		return error;
	if (fd < 0)
		return "no file came with the answer to a span";
	*base = mmap(NULL, step->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	return *base == MAP_FAILED ? failed(step->span, "mmap") : NULL;
}

static const char *close_span(const char *name)
{
	char line[128];
	struct text text;
	int fd;

	text_init(&text, line, sizeof(line));
	text_add(&text, "{\"type\":\"span\",\"close\":");
	text_add_json(&text, name);
	text_add(&text, "}\n");
	return ask(&text, name, "closed", &fd);
}

/* Opened, touched, held, unmapped and closed, once. */
static const char *perform(const struct span_step *step)
{
	double begun_ms = boottime_ms(), open_ms, touched_ms, unmapped_ms;
	unsigned char *base = NULL;
	const char *error = open_span(step, &base);

	if (error)
		return error;
	open_ms = boottime_ms();
	error = touch(step->span, base, step->touch_bytes);
	if (error)
		return error;
	touched_ms = boottime_ms();
	sleep_until(touched_ms + step->hold_ms);
	if (munmap(base, step->bytes) < 0)
		return failed(step->span, "munmap");
	unmapped_ms = boottime_ms();
	error = close_span(step->span);
	if (!error && told_count < PROTOCOL_WORK_SPANS_TOLD)
		told[told_count++] = (struct took){
			.open_ms = open_ms - begun_ms,
			.touch_ms = touched_ms - open_ms,
			.close_ms = boottime_ms() - unmapped_ms,
		};
	return error;
}

void spans_tell(struct text *text)
{
	if (told_count == 0)
		return;
	text_add(text, ",\"spans\":[");
	for (size_t i = 0; i < told_count; i++)
		text_add(text, "%s[%.3f,%.3f,%.3f]", i > 0 ? "," : "", told[i].open_ms,
			 told[i].touch_ms, told[i].close_ms);
	text_add(text, "]");
}

static bool read_step(const struct json_document *document, const struct json_token *token,
		      struct span_step *step)
{
	const struct json_token *name = json_member(document, token, "span");

	return token->type == JSON_OBJECT &&
	       json_string(document, name, step->span, sizeof(step->span)) > 0 &&
	       json_number(document, json_member(document, token, "at_ms"), &step->at_ms) &&
	       json_unsigned(document, json_member(document, token, "bytes"), &step->bytes) &&
	       json_unsigned(document, json_member(document, token, "touch_bytes"),
			     &step->touch_bytes) &&
	       json_number(document, json_member(document, token, "hold_ms"), &step->hold_ms) &&
	       json_unsigned(document, json_member(document, token, "times"), &step->times) &&
	       step->bytes > 0 && step->touch_bytes <= step->bytes &&
	       step->times <= PROTOCOL_WORK_SPAN_TIMES;
}

bool spans_read(const struct json_document *document, struct work *work)
{
	const struct json_token *list = json_member(document, document->tokens, "spans");
	const struct json_token *token = json_first(document, list);

	work->span_count = 0;
	if (!list)
		return true;
	if (list->type != JSON_ARRAY || list->size > PROTOCOL_WORK_SPANS)
		return false;
	for (uint32_t i = 0; i < list->size; i++) {
		if (!read_step(document, token, &work->spans[i]))
			return false;
		work->span_count++;
		token = json_next(document, token);
	}
	return true;
}

const char *spans_perform(struct work *work, double started_at_ms)
{
	told_count = 0;
	for (uint32_t i = 0; i < work->span_count; i++) {
		const struct span_step *step = &work->spans[i];

		sleep_until(started_at_ms + step->at_ms);
		for (uint64_t time = 0; time < step->times; time++) {
			const char *error = perform(step);

			if (error)
				return error;
		}
	}
	return NULL;
}
