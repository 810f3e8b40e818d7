// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../common/attached.h"
#include "../common/boottime.h"
#include "../common/json.h"
#include "../common/text.h"
#include "link.h"
#include "spans.h"

struct invocation invocation;

static char line[PROTOCOL_LINE_BYTES];
static size_t line_used;
static int cpu_fd = -1;
/* Files that came with lines which are not read yet, in their order. */
static int came[PROTOCOL_SPANS];
static size_t came_count;

static void send_bytes(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t wrote = write(PROTOCOL_WORK_FD, bytes, length);

		if (wrote < 0 && errno == EINTR)
			continue;
		/* Nobody is there to be told; the init ends what is left. */
		if (wrote <= 0)
			exit(1);
		bytes += wrote;
		length -= (size_t)wrote;
	}
}

static void send_line(const struct text *json, const char *bytes, size_t length)
{
	static char out[PROTOCOL_LINE_BYTES];
	size_t used = json->used;

	memcpy(out, json->data, used);
	if (length > 0) {
		out[used++] = PROTOCOL_ATTACHED_MARK;
		used += attached_escape(out + used, bytes, length);
	}
	out[used++] = '\n';
	send_bytes(out, used);
}

void link_watch_cpu(const char *path)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/cpu.stat", path);
	cpu_fd = open(name, O_RDONLY | O_CLOEXEC);
}

static double cpu_ms(void)
{
	char text[256];
	ssize_t got = pread(cpu_fd, text, sizeof(text) - 1, 0);

	if (got <= 0 || strncmp(text, "usage_usec ", 11))
		return -1;
	text[got] = 0;
	return strtod(text + 11, NULL) / 1e3;
}

/* For several chunks at once: each takes a way through everybody, and much of a window is left. */
static void give_credit(void)
{
	size_t bytes = invocation.here_bytes - invocation.credited_bytes;
	char data[64];
	struct text text;

	if (bytes < PROTOCOL_PAYLOAD_CREDIT_BYTES)
		return;
	invocation.credited_bytes = invocation.here_bytes;
	text_init(&text, data, sizeof(data));
	text_add(&text, "{\"type\":\"credit\",\"bytes\":%zu}", bytes);
	send_line(&text, NULL, 0);
}

/* Before its end is told: who hears of that says nothing of it any more. */
static void end_call(void)
{
	if (invocation.open)
		spans_end_call();
}

static void close_invocation(void)
{
	free(invocation.payload);
	invocation = (struct invocation){ 0 };
}

static void take_payload(char *bytes, size_t length)
{
	if (!attached_unescape(bytes, &length) ||
	    length > invocation.payload_bytes - invocation.here_bytes)
		return link_fail("bad-request", "more payload than was told");
	memcpy(invocation.payload + invocation.here_bytes, bytes, length);
	invocation.here_bytes += length;
	invocation.complete = invocation.here_bytes == invocation.payload_bytes;
	if (!invocation.complete)
		return give_credit();
	spans_begin_call();
	invocation.started_at_ms = boottime_ms();
}

/* False when it is an HTTP request of which the program would not see all. */
static bool open_http(const struct json_document *document)
{
	const struct json_token *http = json_member(document, document->tokens, "http");

	if (!http)
		return true;
	return http->type == JSON_OBJECT &&
	       json_string(document, json_member(document, http, "path"), invocation.path,
			   sizeof(invocation.path)) > 0 &&
	       json_string(document, json_member(document, http, "fields"), invocation.fields,
			   sizeof(invocation.fields)) >= 0 &&
	       json_string(document, json_member(document, http, "method"), invocation.method,
			   sizeof(invocation.method)) > 0;
}

static void open_invocation(const struct json_document *document)
{
	const struct json_token *root = document->tokens;
	uint64_t bytes = 0;

	end_call();
	close_invocation();
	invocation.open = true;
	json_string(document, json_member(document, root, "request_id"), invocation.request_id,
		    sizeof(invocation.request_id));
	json_string(document, json_member(document, root, "content_type"),
		    invocation.content_type, sizeof(invocation.content_type));
	json_unsigned(document, json_member(document, root, "timeout_ms"), &invocation.timeout_ms);
	json_unsigned(document, json_member(document, root, "payload_bytes"), &bytes);
	if (!open_http(document))
		return link_fail("bad-request", "the HTTP request is too long, or not text");
	invocation.payload_bytes = bytes;
	invocation.payload = malloc(bytes + 1);
	if (bytes > PROTOCOL_PAYLOAD_BYTES || !invocation.payload)
		return link_fail("bad-request", "no memory for the payload");
	invocation.cpu_start_ms = cpu_ms();
}

/* The file of the line that is read: -1, none came. */
static int take_came(void)
{
	int fd = came_count > 0 ? came[0] : -1;

	if (came_count > 0)
		memmove(came, came + 1, --came_count * sizeof(came[0]));
	return fd;
}

static void take_span(const struct json_document *document)
{
	bool is_open = json_equals(document, json_member(document, document->tokens, "state"), "open");

	spans_answer(document, is_open ? take_came() : -1);
}

static void take_line(char *start, size_t length)
{
	struct json_token tokens[PROTOCOL_WORK_TOKENS];
	size_t json_length = attached_json_length(start, length);
	size_t attached = length - json_length;
	struct json_document document;
	const struct json_token *type;

	if (json_parse(&document, start, json_length, tokens, PROTOCOL_WORK_TOKENS))
		return;
	type = json_member(&document, tokens, "type");
	if (json_equals(&document, type, "span"))
		return take_span(&document);
	if (json_equals(&document, type, "invoke"))
		open_invocation(&document);
	else if (!json_equals(&document, type, "chunk"))
		return;
	/* The rest of one that was answered already. */
	if (!invocation.open || invocation.complete)
		return;
	take_payload(start + json_length + 1, attached > 0 ? attached - 1 : 0);
}

/* A read ends behind a line with a file, so that there is one of these at most. */
static ssize_t receive(void)
{
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int))];
	struct iovec part = { .iov_base = line + line_used, .iov_len = sizeof(line) - line_used };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room),
	};
	ssize_t got = recvmsg(PROTOCOL_WORK_FD, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);
	int fd;

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return got;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	if (came_count < PROTOCOL_SPANS)
		came[came_count++] = fd;
	else
		close(fd);
	return got;
}

bool link_read(void)
{
	ssize_t got = receive();
	/* In what was there before, no line ends. */
	char *at = line, *seen = line + line_used, *end;

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	line_used += (size_t)got;
	while ((end = memchr(seen, '\n', (size_t)(line + line_used - seen)))) {
		take_line(at, (size_t)(end - at));
		at = seen = end + 1;
	}
	line_used -= (size_t)(at - line);
	memmove(line, at, line_used);
	return line_used < sizeof(line);
}

void link_ready(void)
{
	send_bytes("\n", 1);
}

void link_fail(const char *code, const char *message)
{
	char data[2 * PROTOCOL_ERROR_MESSAGE_BYTES];
	char clipped[PROTOCOL_ERROR_MESSAGE_BYTES / 2];
	struct text text;

	snprintf(clipped, sizeof(clipped), "%s", message);
	text_init(&text, data, sizeof(data));
	text_add(&text, "{\"ok\":false,\"code\":\"%s\",\"message\":", code);
	text_add_json(&text, clipped);
	text_add(&text, "}");
	end_call();
	send_line(&text, NULL, 0);
	close_invocation();
}

static void describe(struct text *text, const struct answer *answer)
{
	double now_ms = boottime_ms(), used_ms = cpu_ms() - invocation.cpu_start_ms;
	double first_ms = invocation.first_byte_at_ms;

	text_add(text, "{\"ok\":true,\"result\":{\"started_at_ms\":%.3f", invocation.started_at_ms);
	text_add(text, ",\"first_byte_at_ms\":%.3f", first_ms > 0 ? first_ms : now_ms);
	text_add(text, ",\"finished_at_ms\":%.3f,\"wall_ms\":%.3f", now_ms,
		 now_ms - invocation.started_at_ms);
	if (cpu_fd >= 0 && used_ms >= 0)
		text_add(text, ",\"cpu_ms\":%.3f", used_ms);
	if (answer->status)
		text_add(text, ",\"status\":%u", answer->status);
	if (answer->fields) {
		text_add(text, ",\"fields\":");
		text_add_json(text, answer->fields);
	}
	if (answer->content_type) {
		text_add(text, ",\"content_type\":");
		text_add_json(text, answer->content_type);
	}
	if (answer->function_error) {
		text_add(text, ",\"function_error\":");
		text_add_json(text, answer->function_error);
	}
	text_add(text, "}}");
}

void link_answer(const struct answer *answer)
{
	const char *bytes = answer->bytes;
	size_t left = answer->length;
	char data[PROTOCOL_WORK_REPLY_BYTES];
	struct text text;

	text_init(&text, data, sizeof(data));
	describe(&text, answer);
	if (text.overflow)
		return link_fail("answer-malformed", "the header of the answer is too long");
	while (left > PROTOCOL_PAYLOAD_CHUNK_BYTES) {
		text_init(&text, data, sizeof(data));
		text_add(&text, "{\"type\":\"chunk\"}");
		send_line(&text, bytes, PROTOCOL_PAYLOAD_CHUNK_BYTES);
		bytes += PROTOCOL_PAYLOAD_CHUNK_BYTES;
		left -= PROTOCOL_PAYLOAD_CHUNK_BYTES;
	}
	text_init(&text, data, sizeof(data));
	describe(&text, answer);
	end_call();
	send_line(&text, bytes, left);
	close_invocation();
}

void link_ask_span(const char *verb, const char *name, uint64_t bytes, uint64_t ask)
{
	char data[PROTOCOL_SPAN_NAME_BYTES + 128];
	struct text text;

	text_init(&text, data, sizeof(data));
	text_add(&text, "{\"type\":\"span\",\"%s\":", verb);
	text_add_json(&text, name);
	text_add(&text, ",\"bytes\":%" PRIu64 ",\"ask\":%" PRIu64 "}", bytes, ask);
	send_line(&text, NULL, 0);
}

void link_output(const char *stream, const char *bytes, size_t length, uint64_t dropped)
{
	char data[128];
	struct text text;

	text_init(&text, data, sizeof(data));
	text_add(&text, "{\"type\":\"log\",\"stream\":\"%s\",\"dropped_bytes\":%" PRIu64 "}", stream,
		 dropped);
	send_line(&text, bytes, length);
}
