// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "attached.h"
#include "protocol_constants.h"

size_t attached_json_length(const char *line, size_t length)
{
	const char *mark = memchr(line, PROTOCOL_ATTACHED_MARK, length);

	return mark ? (size_t)(mark - line) : length;
}

static bool needs_escape(char byte)
{
	return byte == '\n' || byte == '\r' || byte == PROTOCOL_ATTACHED_ESCAPE;
}

size_t attached_escape(char *out, const char *bytes, size_t length)
{
	size_t used = 0;

	for (size_t at = 0; at < length; at++) {
		if (!needs_escape(bytes[at])) {
			out[used++] = bytes[at];
			continue;
		}
		out[used++] = PROTOCOL_ATTACHED_ESCAPE;
		out[used++] = bytes[at] ^ PROTOCOL_ATTACHED_FLIP;
	}
	return used;
}

bool attached_unescape(char *bytes, size_t *length)
{
	char *from = memchr(bytes, PROTOCOL_ATTACHED_ESCAPE, *length);
	char *end = bytes + *length, *to = from;

	while (from) {
		char *next;

		if (from + 1 == end)
			return false;
		*to++ = from[1] ^ PROTOCOL_ATTACHED_FLIP;
		from += 2;
		next = memchr(from, PROTOCOL_ATTACHED_ESCAPE, (size_t)(end - from));
		memmove(to, from, (size_t)((next ? next : end) - from));
		to += (next ? next : end) - from;
		from = next;
	}
	if (to)
		*length = (size_t)(to - bytes);
	return true;
}
