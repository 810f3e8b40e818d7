/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_WORK_H
#define HOTPLANE_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../common/json.h"
#include "../common/protocol_constants.h"
#include "../common/text.h"

struct phase {
	double at_ms;
	uint64_t anonymous_bytes;
};

/* From `at_ms` on, `times` times: opens a span of @bytes, touches a part, holds it, closes it. */
struct span_step {
	char span[PROTOCOL_SPAN_NAME_BYTES + 1];
	double at_ms;
	uint64_t bytes;
	uint64_t touch_bytes;
	double hold_ms;
	uint64_t times;
};

/* One invocation, as asked for (Work in agent/model/work.ts). */
struct work {
	/* At its start; with phases, the most of all of them once they are over. */
	uint64_t anonymous_bytes;
	uint64_t file_bytes;
	double cpu_ms;
	double wall_ms;
	/* Sizes that the anonymous memory has from a time on, counted from the start. */
	uint32_t phase_count;
	struct phase phases[PROTOCOL_WORK_PHASES];
	/* After the phases, one after another. */
	uint32_t span_count;
	struct span_step spans[PROTOCOL_WORK_SPANS];
};

/* How the program runs, from its environment. */
struct work_options {
	/* HOTPLANE_HUGE=1: ask for huge pages. */
	bool huge;
	/*
	 * HOTPLANE_CHECK=full: look at every byte of fresh memory, not at two words of each page.
	 */
	bool check_all;
};

/*
 * Touches the first @bytes of the anonymous memory kept between invocations. Fresh pages must be
 * zero, pages of earlier invocations must hold what was written. Returns NULL, or what went wrong.
 */
const char *anonymous_touch(uint64_t bytes, const struct work_options *options);

/*
 * Has the first @bytes of it at once, so that no page of them faults later: they stay fresh.
 * Returns NULL, or what went wrong.
 */
const char *anonymous_populate(uint64_t bytes, const struct work_options *options);

/* Gives back what is above the first @bytes. */
void anonymous_release(uint64_t bytes);

bool phases_read(const struct json_document *document, struct work *work);
/* Waits for one phase after another, and has it. Returns NULL, or what went wrong. */
const char *phases_perform(struct work *work, double started_at_ms,
			   const struct work_options *options);
bool spans_read(const struct json_document *document, struct work *work);
/* Has one span after another. Returns NULL, or what went wrong. */
const char *spans_perform(struct work *work, double started_at_ms);
/* Adds what the first of them took to an answer; nothing where there was none. */
void spans_tell(struct text *text);
void sleep_until(double boot_ms);

/* Maps and reads @bytes of a file that all instances of the guest share. */
const char *file_touch(uint64_t bytes);

/* Burns CPU until this thread has used @cpu_ms since @cpu_start_ms of its CPU clock. */
void burn_until(double cpu_start_ms, double cpu_ms);

#endif
