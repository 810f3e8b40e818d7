// SPDX-License-Identifier: Apache-2.0
/*
 * Tells on the console what it sees of its root: "seen PATH: TEXT" for each file that is named,
 * "seen PATH: WHY" where it cannot be read, and at last whether anything can be written there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void tell(const char *path)
{
	char line[128] = "";
	FILE *file = fopen(path, "r");

	if (!file) {
		printf("seen %s: %s\n", path, strerror(errno));
		return;
	}
	if (!fgets(line, sizeof(line), file))
		strcpy(line, "(empty)");
	line[strcspn(line, "\n")] = 0;
	printf("seen %s: %s\n", path, line);
	fclose(file);
}

int main(int count, char **words)
{
	for (int i = 2; i < count; i++)
		tell(words[i]);
	errno = 0;
	open(words[1], O_WRONLY | O_CREAT, 0644);
	printf("written %s: %s\n", words[1], strerror(errno));
	fflush(stdout);
	pause();
	return 0;
}
