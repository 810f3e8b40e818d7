/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_LINK_H
#define HOTPLANE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/protocol_constants.h"

/*
 * The way to the init: invocations with their payloads in, answers and output out, over
 * PROTOCOL_WORK_FD. One invocation at a time.
 */
struct invocation {
	/* Its answer is owed. */
	bool open;
	/* All of its payload is here. */
	bool complete;
	char request_id[PROTOCOL_INSTANCE_NAME_BYTES + 1];
	char content_type[PROTOCOL_CONTENT_TYPE_BYTES + 1];
	/* The HTTP request that it is, for programs that serve HTTP; no method: it is none. */
	char method[PROTOCOL_HTTP_METHOD_BYTES + 1];
	char path[PROTOCOL_HTTP_PATH_BYTES + 1];
	/* With the payload's type, which is not counted in what fields may be. */
	char fields[PROTOCOL_HTTP_HEAD_BYTES + PROTOCOL_CONTENT_TYPE_BYTES +
		    sizeof("Content-Type: \r\n")];
	char *payload;
	size_t payload_bytes;
	size_t here_bytes;
	/* Of these, as many are told to be taken. */
	size_t credited_bytes;
	uint64_t timeout_ms;
	double started_at_ms;
	double first_byte_at_ms;
	double cpu_start_ms;
};

struct answer {
	const char *content_type;
	/* HTTP status of an `http` program; 0: none. */
	unsigned int status;
	/* Its header fields, a `Name: value` a line, or NULL. */
	const char *fields;
	/* The function's own word that it failed, or NULL. */
	const char *function_error;
	const char *bytes;
	size_t length;
};

extern struct invocation invocation;

/* Reads what is there. False when the init went away, or broke the protocol. */
bool link_read(void);
/* The program is ready for invocations. */
void link_ready(void);
/* Answers the open invocation. */
void link_answer(const struct answer *answer);
/* It cannot be answered, for a reason of @code; before the program is ready: it cannot start. */
void link_fail(const char *code, const char *message);
/* Output of the program; @dropped bytes before it were too many. */
void link_output(const char *stream, const char *bytes, size_t length, uint64_t dropped);
/* Opens or closes a span of the open invocation; the answer, to spans_answer, has number @ask. */
void link_ask_span(const char *verb, const char *name, uint64_t bytes, uint64_t ask);
/* CPU time of all of the instance until now, from its cgroup at @path; -1 when not known. */
void link_watch_cpu(const char *path);

#endif
