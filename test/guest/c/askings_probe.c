// SPDX-License-Identifier: Apache-2.0
/*
 * Has a program ask for a span twice, the first being refused by the host, and prints the JSON of
 * what the host is told, a line each. The host answers each also with the number of the other.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../guest/init/instance.h"

static void asks(struct instance *instance)
{
	static const char line[] = "{\"type\":\"span\",\"open\":\"data\",\"bytes\":4096}";
	struct json_token tokens[16];
	struct json_document document;

	if (!json_parse(&document, line, strlen(line), tokens, 16))
		span_asked(instance, &document);
	/* Between two news of one instance is a pause. */
	usleep(5000);
	spans_tick();
}

static void answers(uint64_t id, uint64_t serial)
{
	const struct span_word word = {
		.instance = "i1", .name = "data", .serial = serial, .region_pci = "", .failure = "no",
	};

	span_answer(id, &word);
}

int main(void)
{
	struct instance *instance = instance_at(0);
	int work[2], status_pipe[2];

	loop_setup();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, work) || pipe(status_pipe))
		return 1;
	strcpy(instance->name, "i1");
	instance->state = INSTANCE_READY;
	instance->busy = true;
	instance_listen(instance, work[0], status_pipe[0]);
	asks(instance);
	answers(11, 2);
	answers(12, 1);
	asks(instance);
	answers(13, 1);
	/* An agent that knows of no numbers. */
	answers(14, 0);
	return 0;
}
