// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

void text_init(struct text *text, char *data, size_t size)
{
	*text = (struct text){ .data = data, .size = size };
	data[0] = 0;
}

void text_add(struct text *text, const char *format, ...)
{
	size_t left = text->size - text->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text->data + text->used, left, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= left) {
		text->overflow = true;
		text->data[text->used] = 0;
		return;
	}
	text->used += (size_t)length;
}

void text_add_bytes(struct text *text, const char *bytes, size_t length)
{
	if (length >= text->size - text->used) {
		text->overflow = true;
		return;
	}
	memcpy(text->data + text->used, bytes, length);
	text->used += length;
	text->data[text->used] = 0;
}

/* Length of the well-formed UTF-8 sequence at @s, 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

void text_add_json(struct text *text, const char *string)
{
	const unsigned char *s = (const unsigned char *)string;

	text_add_bytes(text, "\"", 1);
	while (*s) {
		size_t length = 1;

		if (*s == '"' || *s == '\\') {
			text_add(text, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f) {
			text_add(text, "\\u%04x", *s);
		} else if (*s < 0x80) {
			text_add_bytes(text, (const char *)s, 1);
		} else {
			length = utf8_length(s);
			text_add_bytes(text, length ? (const char *)s : "?", length ? length : 1);
			length = length ? length : 1;
		}
		s += length;
	}
	text_add_bytes(text, "\"", 1);
}
