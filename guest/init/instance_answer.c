// SPDX-License-Identifier: Apache-2.0
/*
 * The answer to the last invocation of each instance, kept until the next one: an agent that was
 * killed while it waited asks for it again, on a new connection.
 */
#include <stdio.h>
#include <string.h>

#include "../common/protocol_constants.h"
#include "instance.h"
#include "reply.h"

struct kept_answer {
	bool is_there;
	bool is_error;
	/* Of a result; the rest of it is attached. */
	size_t json_length;
	size_t length;
	char code[64];
	char message[PROTOCOL_ERROR_MESSAGE_BYTES];
};

static struct kept_answer kept[PROTOCOL_INSTANCES];
/* Apart from them, so that only what is kept takes memory. */
static char bytes_kept[PROTOCOL_INSTANCES][PROTOCOL_LINE_BYTES];

static int place_of(const struct instance *instance)
{
	return (int)(instance - instance_at(0));
}

void instance_forget_answer(struct instance *instance)
{
	kept[place_of(instance)].is_there = false;
}

static void answer_now(struct instance *instance)
{
	if (!instance->invoke.open)
		return;
	instance->invoke.open = false;
	instance_answer_again(instance, instance->invoke.id);
}

void instance_answer(struct instance *instance, const char *result, size_t length,
		     const char *mark, size_t mark_length)
{
	struct kept_answer *answer = &kept[place_of(instance)];
	char *bytes = bytes_kept[place_of(instance)];

	if (length + mark_length > PROTOCOL_LINE_BYTES)
		return instance_answer_error(instance, "reply-too-long",
					     "the answer does not fit into one line");
	*answer = (struct kept_answer){ .is_there = true, .json_length = length,
					.length = length + mark_length };
	memcpy(bytes, result, length);
	memcpy(bytes + length, mark, mark_length);
	answer_now(instance);
}

void instance_answer_error(struct instance *instance, const char *code, const char *message)
{
	struct kept_answer *answer = &kept[place_of(instance)];

	*answer = (struct kept_answer){ .is_there = true, .is_error = true };
	snprintf(answer->code, sizeof(answer->code), "%s", code);
	snprintf(answer->message, sizeof(answer->message), "%s", message);
	answer_now(instance);
}

void instance_answer_again(struct instance *instance, uint64_t id)
{
	const struct kept_answer *answer = &kept[place_of(instance)];
	const char *bytes = bytes_kept[place_of(instance)];

	if (!answer->is_there)
		reply_error(id, "no-such-invocation", "nothing is kept of it");
	else if (answer->is_error)
		reply_error(id, answer->code, answer->message);
	else
		reply_attached(id, bytes, answer->json_length, bytes + answer->json_length,
			       answer->length - answer->json_length);
}
