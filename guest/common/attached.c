// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
#include <string.h>

#include "attached.h"
#include "protocol_constants.h"

/* A word of one byte, eight times. */
#define BYTES(byte) (0x0101010101010101ULL * (uint8_t)(byte))

size_t attached_json_length(const char *line, size_t length)
{
	const char *mark = memchr(line, PROTOCOL_ATTACHED_MARK, length);

	return mark ? (size_t)(mark - line) : length;
}

static bool needs_escape(char byte)
{
	return byte == '\n' || byte == '\r' || byte == PROTOCOL_ATTACHED_ESCAPE;
}

/* Whether any byte of @word is zero (Hacker's Delight, 6-1). */
static bool has_zero(uint64_t word)
{
	return ((word - BYTES(0x01)) & ~word & BYTES(0x80)) != 0;
}

static bool any_needs_escape(uint64_t word)
{
	return has_zero(word ^ BYTES('\n')) || has_zero(word ^ BYTES('\r')) ||
	       has_zero(word ^ BYTES(PROTOCOL_ATTACHED_ESCAPE));
}

static size_t escape_each(char *out, const char *bytes, size_t length)
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

/* Eight bytes at once: few of them need it, and an emulated CPU looks at each for long. */
size_t attached_escape(char *out, const char *bytes, size_t length)
{
	size_t used = 0, at = 0;
	uint64_t word;

	for (; length - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, bytes + at, sizeof(word));
		if (any_needs_escape(word)) {
			used += escape_each(out + used, bytes + at, sizeof(word));
			continue;
		}
		memcpy(out + used, &word, sizeof(word));
		used += sizeof(word);
	}
	return used + escape_each(out + used, bytes + at, length - at);
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
