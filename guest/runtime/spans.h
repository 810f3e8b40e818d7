/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_RUNTIME_SPANS_H
#define HOTPLANE_RUNTIME_SPANS_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/json.h"

/*
 * Spans of a function: what its program asks for on the socket is asked of the init, whose answers
 * go back, with the open file of one that came. One asking of a name at a time; no answer finds
 * another than who asked, for each asking has a number.
 */

struct span_peer;

/* What the function has: `NAME=BYTES` with commas between them. NULL, or what is wrong with it. */
const char *spans_read(const char *list);
/* One line of a program. */
void spans_ask(struct span_peer *peer, char *line);
/* Who asked does not wait for an answer any more: what comes for him goes back. */
void spans_forget(const struct span_peer *peer);
/* A line of the init; @fd is the file that came before it or with it, or -1, and is closed here. */
void spans_answer(const struct json_document *document, int fd);
/* The program is about to be told of an invocation. */
void spans_begin_call(void);
/* The invocation is over: the init has ended what was asked for, and says nothing of it. */
void spans_end_call(void);

#endif
