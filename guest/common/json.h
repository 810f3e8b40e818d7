/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_JSON_H
#define HOTPLANE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A bounded JSON reader: one pass, no allocation, tokens point into the text. Whatever is not
 * exactly one JSON value is refused.
 */

#define JSON_DEPTH_MAX 16
/* Largest integer that both sides hold exactly (2^53 - 1). */
#define JSON_INTEGER_MAX 9007199254740991ULL

enum json_type {
	JSON_NULL,
	JSON_BOOLEAN,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_token {
	enum json_type type;
	/* First byte and length in the text; without the quotes for a string. */
	uint32_t start;
	uint32_t length;
	/* Elements of an array, members of an object. */
	uint32_t size;
	/* Index of the token after this value and all that is in it. */
	uint32_t next;
};

struct json_document {
	const char *text;
	struct json_token *tokens;
	uint32_t count;
};

/*
 * Reads one JSON value from @length bytes. Returns NULL, or why the text was refused. On success
 * the root is token 0 of @document.
 */
const char *json_parse(struct json_document *document, const char *text, size_t length,
		       struct json_token *tokens, uint32_t tokens_max);

/* Member @key of an object, or NULL. Keys with escapes are not found. */
const struct json_token *json_member(const struct json_document *document,
				     const struct json_token *object, const char *key);

/* First element of an array (or key of an object), or NULL when empty. */
const struct json_token *json_first(const struct json_document *document,
				    const struct json_token *parent);

/* The value after @token in the same array or object. The caller counts. */
const struct json_token *json_next(const struct json_document *document,
				   const struct json_token *token);

/*
 * Copies a string decoded and zero-terminated. Returns its length, or -1 when it is no string, has
 * a NUL inside or does not fit.
 */
int json_string(const struct json_document *document, const struct json_token *token, char *out,
		size_t out_size);

/* An integer from 0 to JSON_INTEGER_MAX. */
bool json_unsigned(const struct json_document *document, const struct json_token *token,
		   uint64_t *out);

/* An integer of at most 9 digits with an optional sign. */
bool json_int(const struct json_document *document, const struct json_token *token, int *out);

/* A finite number from 0 to 2^53, fractions allowed. */
bool json_number(const struct json_document *document, const struct json_token *token,
		 double *out);

bool json_equals(const struct json_document *document, const struct json_token *token,
		 const char *text);

#endif
