/** The files of a new function, by its runtime. Pure. */
import type { RuntimeName } from '../../images/runtimes/recipes.ts';

const PYTHON = `def handler(event, context):
    name = (event or {}).get("name", "world")
    return {"message": f"Hello, {name}!"}
`;

const NODE = `export async function handler(event, context) {
  return { message: \`Hello, \${event?.name ?? 'world'}!\` };
}
`;

/** An http program, because a static one brings no client of the Lambda Runtime API. */
const STATIC = `/* gcc -O2 -static -o server server.c; it answers every request with what came. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char bytes[65536];

static void serve(int fd)
{
	size_t used = 0, want = 0;
	char *body = NULL;

	while (used < sizeof(bytes) - 1 && (!body || used < want)) {
		ssize_t got = read(fd, bytes + used, sizeof(bytes) - 1 - used);
		char *length;

		if (got <= 0)
			return;
		bytes[used += (size_t)got] = 0;
		if (body || !(body = strstr(bytes, "\\r\\n\\r\\n")))
			continue;
		length = strcasestr(bytes, "content-length:");
		body += 4;
		want = (size_t)(body - bytes) + (length ? strtoul(length + 15, NULL, 10) : 0);
	}
	dprintf(fd, "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %zu\\r\\n\\r\\n%s",
		strlen(body), body);
}

int main(void)
{
	const char *port = getenv("PORT");
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port ? atoi(port) : 8080),
	};
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (void *)&address, sizeof(address)) || listen(listener, 16))
		return 1;
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		serve(fd);
		close(fd);
	}
}
`;

function manifestOf(name: string, runtime: RuntimeName): string {
  const runs =
    runtime === 'static'
      ? 'interface: http\ncommand: [/var/task/server]'
      : 'interface: lambda\nhandler: handler.handler';
  return `name: ${name}
runtime: ${runtime}
${runs}
memory: 256MiB
concurrency: 8
keep_alive: 60s
`;
}

/** Name and text of each file. */
export function scaffold(
  name: string,
  runtime: RuntimeName,
): readonly (readonly [string, string])[] {
  const program = {
    python3: ['handler.py', PYTHON],
    'python3-numpy': ['handler.py', PYTHON],
    node: ['handler.mjs', NODE],
    static: ['server.c', STATIC],
  } as const;
  return [['function.yaml', manifestOf(name, runtime)], program[runtime]];
}
