/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_SPAN_H
#define HOTPLANE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/json.h"
#include "../common/protocol_constants.h"
#include "hotmem.h"

/*
 * Spans: memory that a program asks for by name and gives back while it runs. It gets an open file
 * of a partition of its own, maps that, and says when nothing of it is mapped any more.
 */
enum span_state {
	SPAN_FREE,
	SPAN_ASKED,
	/* The host has plugged it, and the guest's kernel does not have it all yet. */
	SPAN_COMING,
	SPAN_OPEN,
};

struct span {
	enum span_state state;
	char name[PROTOCOL_SPAN_NAME_BYTES + 1];
	uint64_t bytes;
	/* What the program calls this asking, told with the answer; 0: nothing. */
	uint64_t ask;
	/* What the agent is told that it is called: no other has it. */
	uint64_t serial;
	/* The agent was told that it is asked for. */
	bool told;
	/* Of one that is coming: until when that is waited for. */
	double until_ms;
	/* Where it is; once it is coming. */
	char region_pci[PROTOCOL_REGION_PCI_BYTES + 1];
	char partition[HOTMEM_NAME_MAX];
	uint64_t ooms;
};

struct spans {
	struct span list[PROTOCOL_SPANS];
	/* When the agent was told of one last: between two of them is a pause. */
	double told_at_ms;
};

struct instance;

/* A line of the program: it opens a span, or has closed one. */
void span_asked(struct instance *instance, const struct json_document *document);
/* The agent's word: its region is there, or (@failure not NULL) does not come. */
struct span_word {
	const char *instance;
	const char *name;
	/* Of which asking; 0: of whichever there is, for an agent that does not know it. */
	uint64_t serial;
	const char *region_pci;
	const char *failure;
};
void span_answer(uint64_t id, const struct span_word *word);
/* Its invocation is over: what is not mapped any more is closed, what is only asked for ends. */
void spans_end_call(struct instance *instance);
/* Mappings of its spans that are left; each counts, and the processes that have them. */
uint64_t spans_users(const struct instance *instance);
/* A process of it was ended because it needed more than a span has. */
bool spans_ran_out(const struct instance *instance);
/* Tells the agent of every span that is asked for or open. */
void spans_tell_all(void);
/* Tells what had to wait, and opens what has come; called once a round. */
void spans_tick(void);

#endif
