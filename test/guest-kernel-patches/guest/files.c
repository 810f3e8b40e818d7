// SPDX-License-Identifier: Apache-2.0
/*
 * Reads and writes files of the guest for a test, in the order of its arguments:
 *
 *   PATH          every line as `# file PATH: LINE`
 *   PATH=TEXT     writes TEXT
 *   +SECONDS      waits
 *
 * Ends with `# files end`. What cannot be read or written is told as `# file PATH! errno N`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void failed(const char *path)
{
	printf("# file %s! errno %d\n", path, errno);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		failed(path);
	if (fd >= 0)
		close(fd);
}

static void read_file(const char *path)
{
	char line[512];
	FILE *file = fopen(path, "r");

	if (!file)
		return failed(path);
	errno = 0;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		printf("# file %s: %s\n", path, line);
	}
	if (ferror(file))
		failed(path);
	fclose(file);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		char *text = strchr(argv[i], '=');

		if (argv[i][0] == '+') {
			sleep((unsigned int)atoi(argv[i]));
		} else if (text) {
			*text = '\0';
			write_file(argv[i], text + 1);
		} else {
			read_file(argv[i]);
		}
	}
	puts("# files end");
	return 0;
}
