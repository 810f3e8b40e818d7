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
void reply_error(uint64_t id, const char *code, const char *message);
/* @signal and @status: -1 for null. */
void event_exit(const char *instance, int status, int signal, const char *reason);
void event_hello(void);
/* The hello itself, also the answer to `ping`. */
void hello_write(struct text *text);

#endif
