/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_REPLY_H
#define HOTPLANE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "../common/text.h"

/* What the guest tells the agent; shapes as in guest/protocol/protocol.ts. */

/* Id of a reply to a line whose own id could not be read. The agent's ids start at 1. */
#define REPLY_ID_UNKNOWN 0

/* @result is one JSON value. */
void reply_result(uint64_t id, const char *result, size_t length);
/* With what is attached to the line of a program, its mark included; @length 0: nothing. */
void reply_attached(uint64_t id, const char *result, size_t result_length, const char *mark,
		    size_t length);
void reply_error(uint64_t id, const char *code, const char *message);
/* @signal and @status: -1 for null. */
/* @ran: the last invocation that it was given; empty: none. */
void event_exit(const char *instance, int status, int signal, const char *reason, const char *ran);
/* A chunk of the answer to request @of, and room for more of its payload. */
void event_chunk(uint64_t of, const char *mark, size_t length);
void event_credit(uint64_t of, uint64_t bytes);
/* Output of an instance, as its program told it; @dropped bytes before it were too many. */
void event_log(const char *instance, const char *stream, uint64_t dropped, const char *mark,
	       size_t length);
void event_hello(void);
/* The hello itself, also the answer to `ping`. */
void hello_write(struct text *text);

#endif
