// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "json.h"

struct reader {
	const char *text;
	uint32_t length;
	uint32_t at;
	struct json_token *tokens;
	uint32_t used;
	uint32_t max;
	const char *error;
};

static bool refuse(struct reader *reader, const char *why)
{
	if (!reader->error)
		reader->error = why;
	return false;
}

static int peek(const struct reader *reader)
{
	if (reader->at >= reader->length)
		return -1;
	return (unsigned char)reader->text[reader->at];
}

static void skip_space(struct reader *reader)
{
	int c = peek(reader);

	while (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
		reader->at++;
		c = peek(reader);
	}
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(int c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static struct json_token *open_token(struct reader *reader, enum json_type type)
{
	struct json_token *token;

	if (reader->used >= reader->max) {
		refuse(reader, "too many values");
		return NULL;
	}
	token = &reader->tokens[reader->used++];
	*token = (struct json_token){ .type = type, .start = reader->at };
	return token;
}

static void close_token(struct reader *reader, struct json_token *token)
{
	token->length = reader->at - token->start;
	token->next = reader->used;
}

static bool read_escape(struct reader *reader)
{
	int c = peek(reader);

	if (c < 0 || c == 0 || !strchr("\"\\/bfnrtu", c))
		return refuse(reader, "bad escape in a string");
	reader->at++;
	if (c != 'u')
		return true;
	for (int i = 0; i < 4; i++) {
		if (!is_hex(peek(reader)))
			return refuse(reader, "bad \\u escape in a string");
		reader->at++;
	}
	return true;
}

static bool read_string(struct reader *reader)
{
	struct json_token *token;

	reader->at++;
	token = open_token(reader, JSON_STRING);
	if (!token)
		return false;
	for (;;) {
		int c = peek(reader);

		if (c < 0)
			return refuse(reader, "string without an end");
		if (c < 0x20)
			return refuse(reader, "control character in a string");
		if (c == '"')
			break;
		reader->at++;
		if (c == '\\' && !read_escape(reader))
			return false;
	}
	close_token(reader, token);
	reader->at++;
	return true;
}

static bool read_digits(struct reader *reader)
{
	if (!is_digit(peek(reader)))
		return refuse(reader, "bad number");
	while (is_digit(peek(reader)))
		reader->at++;
	return true;
}

static bool read_number(struct reader *reader)
{
	struct json_token *token = open_token(reader, JSON_NUMBER);

	if (!token)
		return false;
	if (peek(reader) == '-')
		reader->at++;
	if (peek(reader) == '0')
		reader->at++;
	else if (!read_digits(reader))
		return false;
	if (peek(reader) == '.') {
		reader->at++;
		if (!read_digits(reader))
			return false;
	}
	if (peek(reader) == 'e' || peek(reader) == 'E') {
		reader->at++;
		if (peek(reader) == '+' || peek(reader) == '-')
			reader->at++;
		if (!read_digits(reader))
			return false;
	}
	close_token(reader, token);
	return true;
}

static bool read_word(struct reader *reader, const char *word, enum json_type type)
{
	size_t length = strlen(word);
	struct json_token *token;

	if (reader->length - reader->at < length ||
	    memcmp(reader->text + reader->at, word, length))
		return refuse(reader, "not a JSON value");
	token = open_token(reader, type);
	if (!token)
		return false;
	reader->at += (uint32_t)length;
	close_token(reader, token);
	return true;
}

static bool read_value(struct reader *reader, int depth);

static bool read_key(struct reader *reader)
{
	skip_space(reader);
	if (peek(reader) != '"')
		return refuse(reader, "object key expected");
	if (!read_string(reader))
		return false;
	skip_space(reader);
	if (peek(reader) != ':')
		return refuse(reader, "':' expected");
	reader->at++;
	return true;
}

static bool read_container(struct reader *reader, int depth, enum json_type type)
{
	struct json_token *token = open_token(reader, type);
	int end = type == JSON_OBJECT ? '}' : ']';

	if (!token)
		return false;
	if (depth >= JSON_DEPTH_MAX)
		return refuse(reader, "nested too deep");
	reader->at++;
	skip_space(reader);
	while (peek(reader) != end) {
		if (token->size > 0) {
			if (peek(reader) != ',')
				return refuse(reader, "',' expected");
			reader->at++;
		}
		if (type == JSON_OBJECT && !read_key(reader))
			return false;
		if (!read_value(reader, depth + 1))
			return false;
		token->size++;
		skip_space(reader);
	}
	reader->at++;
	close_token(reader, token);
	return true;
}

static bool read_value(struct reader *reader, int depth)
{
	skip_space(reader);
	switch (peek(reader)) {
	case '{':
		return read_container(reader, depth, JSON_OBJECT);
	case '[':
		return read_container(reader, depth, JSON_ARRAY);
	case '"':
		return read_string(reader);
	case 't':
		return read_word(reader, "true", JSON_BOOLEAN);
	case 'f':
		return read_word(reader, "false", JSON_BOOLEAN);
	case 'n':
		return read_word(reader, "null", JSON_NULL);
	default:
		return read_number(reader);
	}
}

const char *json_parse(struct json_document *document, const char *text, size_t length,
		       struct json_token *tokens, uint32_t tokens_max)
{
	struct reader reader = { .text = text, .tokens = tokens, .max = tokens_max };

	if (length > UINT32_MAX / 2)
		return "text too long";
	reader.length = (uint32_t)length;
	*document = (struct json_document){ .text = text, .tokens = tokens };
	if (!read_value(&reader, 0))
		return reader.error;
	skip_space(&reader);
	if (reader.at != reader.length)
		return "text after the value";
	document->count = reader.used;
	return NULL;
}
