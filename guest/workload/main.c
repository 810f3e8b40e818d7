// SPDX-License-Identifier: Apache-2.0
/*
 * Emulates a function, whose payload tells what is wanted: it touches memory, reads files, burns
 * CPU and sleeps, then reports what it really did, to the init and as its answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../common/boottime.h"
#include "../common/json.h"
#include "../common/protocol_constants.h"
#include "../common/text.h"
#include "../common/work_loop.h"
#include "fault.h"
#include "work.h"

static struct work_options options;

struct done {
	struct work work;
	double started_at_ms;
	double first_byte_at_ms;
	double finished_at_ms;
	double touch_cpu_ms;
	double cpu_ms;
	long minor_faults;
	long major_faults;
};

static bool read_work(char *line, size_t length, struct work *work)
{
	struct json_token tokens[PROTOCOL_WORK_TOKENS];
	struct json_document document;

	if (json_parse(&document, line, length, tokens, PROTOCOL_WORK_TOKENS))
		return false;
	return json_unsigned(&document, json_member(&document, tokens, "anonymous_bytes"),
			     &work->anonymous_bytes) &&
	       json_unsigned(&document, json_member(&document, tokens, "file_bytes"),
			     &work->file_bytes) &&
	       json_number(&document, json_member(&document, tokens, "cpu_ms"), &work->cpu_ms) &&
	       json_number(&document, json_member(&document, tokens, "wall_ms"), &work->wall_ms) &&
	       phases_read(&document, work) && spans_read(&document, work);
}

static const char *perform(struct done *done)
{
	double cpu_start_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID);
	struct rusage before, after;
	const char *error;

	getrusage(RUSAGE_SELF, &before);
	done->started_at_ms = boottime_ms();
	error = file_touch(done->work.file_bytes);
	if (!error)
		error = anonymous_touch(done->work.anonymous_bytes, &options);
	if (error)
		return error;
	done->first_byte_at_ms = boottime_ms();
	done->touch_cpu_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu_start_ms;
	burn_until(cpu_start_ms, done->work.cpu_ms);
	error = phases_perform(&done->work, done->started_at_ms, &options);
	if (!error)
		error = spans_perform(&done->work, done->started_at_ms);
	if (error)
		return error;
	sleep_until(done->started_at_ms + done->work.wall_ms);
	done->cpu_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID) - cpu_start_ms;
	done->finished_at_ms = boottime_ms();
	getrusage(RUSAGE_SELF, &after);
	done->minor_faults = after.ru_minflt - before.ru_minflt;
	done->major_faults = after.ru_majflt - before.ru_majflt;
	return NULL;
}

static void write_error(struct text *text, const char *code, const char *message)
{
	text_add(text, "{\"ok\":false,\"code\":\"%s\",\"message\":", code);
	text_add_json(text, message);
	text_add(text, "}\n");
}

static void write_done(struct text *text, const struct done *done)
{
	char answer[512];
	struct text measured;

	text_init(&measured, answer, sizeof(answer));
	text_add(&measured, "\"anonymous_bytes\":%" PRIu64, done->work.anonymous_bytes);
	text_add(&measured, ",\"file_bytes\":%" PRIu64, done->work.file_bytes);
	text_add(&measured, ",\"cpu_ms\":%.3f,\"wall_ms\":%.3f", done->cpu_ms,
		 done->finished_at_ms - done->started_at_ms);
	text_add(&measured, ",\"touch_cpu_ms\":%.3f", done->touch_cpu_ms);
	text_add(&measured, ",\"minor_faults\":%ld,\"major_faults\":%ld", done->minor_faults,
		 done->major_faults);
	text_add(text, "{\"ok\":true,\"result\":{\"started_at_ms\":%.3f", done->started_at_ms);
	text_add(text, ",\"first_byte_at_ms\":%.3f", done->first_byte_at_ms);
	text_add(text, ",\"finished_at_ms\":%.3f", done->finished_at_ms);
	text_add(text, ",\"content_type\":\"application/json\",%s}}%c{%s", answer,
		 PROTOCOL_ATTACHED_MARK, answer);
	spans_tell(text);
	text_add(text, "}\n");
}

static void serve(char *payload, size_t length)
{
	static struct done done;
	static char reply[PROTOCOL_PAYLOAD_CHUNK_BYTES];
	const char *error;
	struct text text;

	done = (struct done){ 0 };
	fault_at(FAULT_AT_INVOKE);
	text_init(&text, reply, sizeof(reply));
	if (!read_work(payload, length, &done.work)) {
		write_error(&text, "bad-request",
			    "payload: an object of anonymous_bytes, file_bytes, cpu_ms, wall_ms; "
			    "phases: at most " PROTOCOL_TEXT(PROTOCOL_WORK_PHASES)
			    " of at_ms, anonymous_bytes; "
			    "spans: at most " PROTOCOL_TEXT(PROTOCOL_WORK_SPANS)
			    " of span, at_ms, bytes, touch_bytes, hold_ms, times");
	} else {
		error = perform(&done);
		if (error)
			write_error(&text, "workload-failed", error);
		else
			write_done(&text, &done);
	}
	work_answer(reply, text.used);
}

static bool is_set(const char *name, const char *value)
{
	const char *text = getenv(name);

	return text && !strcmp(text, value);
}

/* HOTPLANE_ARENA_BYTES: memory that is there before the first call. */
static const char *open_arena(void)
{
	const char *text = getenv("HOTPLANE_ARENA_BYTES");
	unsigned long long bytes;
	char *end;

	if (!text)
		return NULL;
	errno = 0;
	bytes = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return "not a number of bytes";
	return anonymous_populate(bytes, &options);
}

/* Who starts it by its arguments alone gives it variables so: `NAME=VALUE` each. */
static void take_variables(char **arguments)
{
	for (; *arguments; arguments++)
		if (strchr(*arguments, '='))
			putenv(*arguments);
}

int main(int argc, char **argv)
{
	const char *error;

	if (argc > 1)
		take_variables(argv + 1);
	options.huge = is_set("HOTPLANE_HUGE", "1");
	options.check_all = is_set("HOTPLANE_CHECK", "full");
	error = open_arena();
	if (error) {
		fprintf(stderr, "HOTPLANE_ARENA_BYTES: %s\n", error);
		return 1;
	}
	fault_at(FAULT_BEFORE_READY);
	return work_loop(serve);
}
