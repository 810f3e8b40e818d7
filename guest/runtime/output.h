/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOTPLANE_OUTPUT_H
#define HOTPLANE_OUTPUT_H

/*
 * What the program writes, passed on as far as the limit goes: the rest is read, counted and
 * dropped, so that a program that writes without end waits for nobody and delays nobody.
 */
struct output {
	const char *name;
	int fd;
	unsigned long long dropped;
};

/* Reads what is there. */
void output_read(struct output *output);

#endif
