// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

bool json_equals(const struct json_document *document, const struct json_token *token,
		 const char *text)
{
	size_t length = strlen(text);

	return token && token->type == JSON_STRING && token->length == length &&
	       !memcmp(document->text + token->start, text, length);
}

const struct json_token *json_first(const struct json_document *document,
				    const struct json_token *parent)
{
	if (!parent || parent->size == 0)
		return NULL;
	if (parent->type != JSON_ARRAY && parent->type != JSON_OBJECT)
		return NULL;
	return &document->tokens[parent - document->tokens + 1];
}

const struct json_token *json_next(const struct json_document *document,
				   const struct json_token *token)
{
	return &document->tokens[token->next];
}

const struct json_token *json_member(const struct json_document *document,
				     const struct json_token *object, const char *key)
{
	const struct json_token *name;

	if (!object || object->type != JSON_OBJECT)
		return NULL;
	name = json_first(document, object);
	for (uint32_t i = 0; i < object->size; i++) {
		const struct json_token *value = json_next(document, name);

		if (json_equals(document, name, key))
			return value;
		name = json_next(document, value);
	}
	return NULL;
}

static unsigned int hex4(const char *text)
{
	char digits[5] = { text[0], text[1], text[2], text[3], 0 };

	return (unsigned int)strtoul(digits, NULL, 16);
}

static int encode_utf8(unsigned int code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Decodes the escape after a backslash; returns the bytes read of @text, 0 when it is refused. */
static uint32_t decode_escape(const char *text, uint32_t left, char out[4], int *out_length)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	unsigned int code, low;

	if (text[0] != 'u') {
		out[0] = to[strchr(from, text[0]) - from];
		*out_length = 1;
		return 1;
	}
	code = hex4(text + 1);
	if (code == 0 || (code >= 0xdc00 && code < 0xe000))
		return 0;
	if (code < 0xd800 || code >= 0xe000) {
		*out_length = encode_utf8(code, out);
		return 5;
	}
	if (left < 11 || text[5] != '\\' || text[6] != 'u')
		return 0;
	low = hex4(text + 7);
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*out_length = encode_utf8(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
	return 11;
}

int json_string(const struct json_document *document, const struct json_token *token, char *out,
		size_t out_size)
{
	const char *text;
	size_t used = 0;

	if (!token || token->type != JSON_STRING || out_size == 0)
		return -1;
	text = document->text + token->start;
	for (uint32_t at = 0; at < token->length;) {
		char bytes[4] = { text[at++] };
		int length = 1;

		if (bytes[0] == '\\') {
			uint32_t taken = decode_escape(text + at, token->length - at, bytes,
						       &length);

			if (!taken)
				return -1;
			at += taken;
		}
		if (used + (size_t)length >= out_size)
			return -1;
		memcpy(out + used, bytes, (size_t)length);
		used += (size_t)length;
	}
	out[used] = 0;
	return (int)used;
}

bool json_unsigned(const struct json_document *document, const struct json_token *token,
		   uint64_t *out)
{
	uint64_t value = 0;

	if (!token || token->type != JSON_NUMBER || token->length > 16)
		return false;
	for (uint32_t i = 0; i < token->length; i++) {
		char c = document->text[token->start + i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (uint64_t)(c - '0');
	}
	if (value > JSON_INTEGER_MAX)
		return false;
	*out = value;
	return true;
}

bool json_int(const struct json_document *document, const struct json_token *token, int *out)
{
	struct json_token digits;
	bool negative;
	uint64_t value;

	if (!token || token->type != JSON_NUMBER)
		return false;
	digits = *token;
	negative = document->text[token->start] == '-';
	if (negative) {
		digits.start++;
		digits.length--;
	}
	if (digits.length > 9 || !json_unsigned(document, &digits, &value))
		return false;
	*out = negative ? -(int)value : (int)value;
	return true;
}

bool json_number(const struct json_document *document, const struct json_token *token, double *out)
{
	char text[40];
	double value;

	if (!token || token->type != JSON_NUMBER || token->length >= sizeof(text))
		return false;
	memcpy(text, document->text + token->start, token->length);
	text[token->length] = 0;
	value = strtod(text, NULL);
	if (!isfinite(value) || value < 0 || value > (double)JSON_INTEGER_MAX)
		return false;
	*out = value;
	return true;
}
