// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <time.h>

#include "work.h"

void sleep_until(double boot_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(boot_ms / 1e3),
		.tv_nsec = (long)((boot_ms - (double)(time_t)(boot_ms / 1e3) * 1e3) * 1e6),
	};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static bool read_phase(const struct json_document *document, const struct json_token *token,
		       struct phase *phase)
{
	return token->type == JSON_OBJECT &&
	       json_number(document, json_member(document, token, "at_ms"), &phase->at_ms) &&
	       json_unsigned(document, json_member(document, token, "anonymous_bytes"),
			     &phase->anonymous_bytes);
}

bool phases_read(const struct json_document *document, struct work *work)
{
	const struct json_token *list = json_member(document, document->tokens, "phases");
	const struct json_token *token = json_first(document, list);

	work->phase_count = 0;
	if (!list)
		return true;
	if (list->type != JSON_ARRAY || list->size > PROTOCOL_WORK_PHASES)
		return false;
	for (uint32_t i = 0; i < list->size; i++) {
		if (!read_phase(document, token, &work->phases[i]))
			return false;
		work->phase_count++;
		token = json_next(document, token);
	}
	return true;
}

const char *phases_perform(struct work *work, double started_at_ms,
			   const struct work_options *options)
{
	for (uint32_t i = 0; i < work->phase_count; i++) {
		const struct phase *phase = &work->phases[i];
		const char *error;

		sleep_until(started_at_ms + phase->at_ms);
		anonymous_release(phase->anonymous_bytes);
		error = anonymous_touch(phase->anonymous_bytes, options);
		if (error)
			return error;
		if (phase->anonymous_bytes > work->anonymous_bytes)
			work->anonymous_bytes = phase->anonymous_bytes;
	}
	return NULL;
}
