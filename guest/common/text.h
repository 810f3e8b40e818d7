/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_TEXT_H
#define HOTPLANE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A bounded text under construction; what does not fit sets @overflow and is dropped whole. */
struct text {
	char *data;
	size_t used;
	size_t size;
	bool overflow;
};

void text_init(struct text *text, char *data, size_t size);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const char *bytes, size_t length);
/* A JSON string with its quotes. Bytes that are no printable ASCII or UTF-8 become '?'. */
void text_add_json(struct text *text, const char *string);

#endif
