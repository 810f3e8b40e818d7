// SPDX-License-Identifier: Apache-2.0
/*
 * Feeds the guest's JSON reader with records from standard input (length in decimal, newline,
 * bytes) and answers a line each: `refused WHY`, or `ok` with what the accessors make of the root.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../guest/common/json.h"
#include "../../../guest/common/text.h"

#define TOKENS_MAX 4096
#define DECODED_MAX 65536

static void answer(const char *bytes, size_t length)
{
	static struct json_token tokens[TOKENS_MAX];
	static char decoded[DECODED_MAX], line[8 * DECODED_MAX];
	struct json_document document;
	struct text text;
	uint64_t integer;
	double number;
	const char *refusal = json_parse(&document, bytes, length, tokens, TOKENS_MAX);

	if (refusal) {
		printf("refused %s\n", refusal);
		return;
	}
	text_init(&text, line, sizeof(line));
	if (json_string(&document, tokens, decoded, sizeof(decoded)) >= 0)
		text_add_json(&text, decoded);
	else if (json_unsigned(&document, tokens, &integer))
		text_add(&text, "%" PRIu64, integer);
	else if (json_number(&document, tokens, &number))
		text_add(&text, "%.17g", number);
	else if (json_string(&document, json_member(&document, tokens, "key"), decoded,
			     sizeof(decoded)) >= 0)
		text_add_json(&text, decoded);
	else
		text_add(&text, "type %d size %u", tokens[0].type, tokens[0].size);
	printf("ok %s\n", text.overflow ? "overflow" : line);
}

int main(void)
{
	size_t length;

	while (scanf("%zu", &length) == 1 && getchar() == '\n') {
		/* Exactly as large as the text: an over-read is seen by the address sanitizer. */
		char *bytes = malloc(length ? length : 1);

		if (!bytes || fread(bytes, 1, length, stdin) != length)
			return 1;
		answer(bytes, length);
		free(bytes);
	}
	return 0;
}
