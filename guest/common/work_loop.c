// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attached.h"
#include "json.h"
#include "protocol_constants.h"
#include "work_loop.h"

void work_answer(const char *line, size_t length)
{
	if (write(PROTOCOL_WORK_FD, line, length) != (ssize_t)length)
		exit(1);
}

static void refuse(void)
{
	static const char answer[] =
		"{\"ok\":false,\"code\":\"payload-too-large\",\"message\":\"this program takes "
		PROTOCOL_TEXT(PROTOCOL_PAYLOAD_CHUNK_BYTES) " bytes at most\"}\n";

	work_answer(answer, sizeof(answer) - 1);
}

static void take_line(char *line, size_t length, void (*serve)(char *payload, size_t length))
{
	struct json_token tokens[PROTOCOL_WORK_TOKENS];
	size_t json_length = attached_json_length(line, length);
	char *payload = line + json_length;
	size_t payload_length = length - json_length;
	struct json_document document;
	uint64_t whole = 0;

	if (json_parse(&document, line, json_length, tokens, PROTOCOL_WORK_TOKENS) ||
	    !json_equals(&document, json_member(&document, tokens, "type"), "invoke"))
		return;
	if (payload_length > 0) {
		payload++;
		payload_length--;
	}
	json_unsigned(&document, json_member(&document, tokens, "payload_bytes"), &whole);
	if (!attached_unescape(payload, &payload_length) || payload_length != whole)
		return refuse();
	serve(payload, payload_length);
}

int work_loop(void (*serve)(char *payload, size_t length))
{
	static char line[PROTOCOL_LINE_BYTES];
	size_t used = 0;

	if (write(PROTOCOL_WORK_FD, "\n", 1) != 1)
		return 1;
	for (;;) {
		ssize_t got = read(PROTOCOL_WORK_FD, line + used, sizeof(line) - used);
		size_t at = 0;
		char *end;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return 0;
		used += (size_t)got;
		while ((end = memchr(line + at, '\n', used - at))) {
			take_line(line + at, (size_t)(end - line) - at, serve);
			at = (size_t)(end - line) + 1;
		}
		if (at == 0 && used == sizeof(line))
			return 1;
		used -= at;
		memmove(line, line + at, used);
	}
}
