// SPDX-License-Identifier: Apache-2.0
/*
 * The program of every instance of a bench: asked over file 3, one JSON line at a time, as the
 * workload program is, it fills memory, checks it, serves short requests, or counts.
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../guest/common/json.h"
#include "../../guest/common/protocol_constants.h"
#include "../../guest/common/text.h"
#include "../../guest/common/work_loop.h"
#include "measure.h"
#include "prices.h"

/* Instances that fill at once take turns this often, so that their pages interleave. */
#define SLICE_PAGES 64
#define REQUESTS_MAX 256

struct request {
	char mode[16];
	uint64_t bytes;
	uint64_t seed;
	uint64_t count;
	uint64_t threads;
	uint64_t spins;
	uint64_t cpu;
};

static char *filled;
static uint64_t filled_bytes;

static uint64_t number(const struct json_document *document, const char *key)
{
	uint64_t value = 0;

	json_unsigned(document, json_member(document, document->tokens, key), &value);
	return value;
}

static bool read_request(char *line, size_t length, struct request *request)
{
	struct json_token tokens[PROTOCOL_WORK_TOKENS];
	struct json_document document;

	if (json_parse(&document, line, length, tokens, PROTOCOL_WORK_TOKENS))
		return false;
	request->bytes = number(&document, "bytes");
	request->seed = number(&document, "seed");
	request->count = number(&document, "count");
	request->threads = number(&document, "threads");
	request->spins = number(&document, "spins");
	request->cpu = number(&document, "cpu");
	return json_string(&document, json_member(&document, tokens, "mode"), request->mode,
			   sizeof(request->mode)) > 0;
}

static uint64_t pattern(uint64_t seed, uint64_t page)
{
	return (seed + 1) * 0x9e3779b97f4a7c15ULL ^ page;
}

/* Writes both ends of every page; a fresh page must be zero. */
static void fill(const struct request *request, struct text *text)
{
	struct rusage before, after;
	uint64_t begin, cpu, dirty = 0;

	filled = map_anonymous(request->bytes);
	filled_bytes = filled ? request->bytes : 0;
	getrusage(RUSAGE_SELF, &before);
	begin = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t page = 0; page < filled_bytes / PAGE_BYTES; page++) {
		uint64_t *first = (uint64_t *)(filled + page * PAGE_BYTES);
		uint64_t *last = first + PAGE_BYTES / sizeof(*first) - 1;

		dirty += *first || *last;
		*first = pattern(request->seed, page);
		*last = ~pattern(request->seed, page);
		if (page % SLICE_PAGES == SLICE_PAGES - 1)
			sched_yield();
	}
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	begin = clock_ns(CLOCK_MONOTONIC) - begin;
	getrusage(RUSAGE_SELF, &after);
	text_add(text, "\"bytes\":%" PRIu64 ",\"wall_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64,
		 filled_bytes, begin, cpu);
	text_add(text, ",\"faults\":%ld,\"dirty_pages\":%" PRIu64,
		 after.ru_minflt - before.ru_minflt, dirty);
}

static void verify(const struct request *request, struct text *text)
{
	uint64_t wrong = 0;

	for (uint64_t page = 0; page < filled_bytes / PAGE_BYTES; page++) {
		uint64_t *first = (uint64_t *)(filled + page * PAGE_BYTES);
		uint64_t *last = first + PAGE_BYTES / sizeof(*first) - 1;

		wrong += *first != pattern(request->seed, page) || *last != ~*first;
	}
	text_add(text, "\"bytes\":%" PRIu64 ",\"wrong_pages\":%" PRIu64, filled_bytes, wrong);
}

/* One short invocation: fresh memory, a fixed piece of computing, memory given back. */
static void serve_one(const struct request *request)
{
	char *memory = map_anonymous(request->bytes);
	volatile uint64_t state = 1;

	for (uint64_t at = 0; memory && at < request->bytes; at += PAGE_BYTES)
		memory[at] = 1;
	for (uint64_t i = 0; i < request->spins; i++)
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	if (memory)
		unmap_anonymous(memory, request->bytes);
}

/* "start_us:latency_us,...": one token, so that the way to the agent stays short. */
static void serve_requests(const struct request *request, struct text *text)
{
	stay_on_cpu(request->cpu);
	text_add(text, "\"samples\":\"");
	for (uint64_t i = 0; i < request->count && i < REQUESTS_MAX; i++) {
		uint64_t begin = clock_ns(CLOCK_BOOTTIME);

		serve_one(request);
		text_add(text, "%s%" PRIu64 ":%" PRIu64, i ? "," : "", begin / 1000,
			 (clock_ns(CLOCK_BOOTTIME) - begin) / 1000);
	}
	text_add(text, "\"");
}

static void faults(const struct request *request, struct text *text)
{
	text_add(text, "\"wall_ns\":\"");
	for (uint64_t i = 0; i < request->count && i < REQUESTS_MAX; i++)
		text_add(text, "%s%" PRIu64, i ? "," : "",
			 touch_together(request->bytes, (unsigned int)request->threads));
	text_add(text, "\"");
}

static void counters(struct text *text)
{
	uint64_t interrupts;
	bool known = virtio_mem_interrupts(&interrupts);

	text_add(text, "\"kernel_cpu_ns\":%" PRIu64, kernel_threads_cpu_ns());
	text_add(text, ",\"vmm_interrupts\":%" PRIu64, interrupts);
	text_add(text, ",\"interrupts_known\":%s", known ? "true" : "false");
}

static void add_price(void *context, const char *name, uint64_t picoseconds)
{
	text_add(context, "%s:%" PRIu64 ",", name, picoseconds);
}

static void prices(struct text *text)
{
	text_add(text, "\"prices\":\"");
	measure_prices(add_price, text);
	text_add(text, "\"");
}

static void serve(char *line, size_t length)
{
	static char reply[PROTOCOL_WORK_REPLY_BYTES + 1];
	struct request request = { 0 };
	struct text text;

	text_init(&text, reply, sizeof(reply) - 4);
	if (!read_request(line, length, &request))
		request.mode[0] = 0;
	text_add(&text, "{\"ok\":true,\"result\":{");
	if (!strcmp(request.mode, "fill"))
		fill(&request, &text);
	else if (!strcmp(request.mode, "verify"))
		verify(&request, &text);
	else if (!strcmp(request.mode, "requests"))
		serve_requests(&request, &text);
	else if (!strcmp(request.mode, "faults"))
		faults(&request, &text);
	else if (!strcmp(request.mode, "prices"))
		prices(&text);
	else if (!strcmp(request.mode, "counters"))
		counters(&text);
	else
		text.overflow = true;
	text_add(&text, "}}\n");
	if (text.overflow) {
		text_init(&text, reply, sizeof(reply));
		text_add(&text, "{\"ok\":false,\"code\":\"bad-request\",\"message\":\"%s\"}\n",
			 "unknown mode, or too much to say");
	}
	work_answer(reply, text.used);
}

int main(void)
{
	return work_loop(serve);
}
