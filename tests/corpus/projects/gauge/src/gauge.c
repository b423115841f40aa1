#include <stdio.h>
#include <stdlib.h>

#include "marks.h"
#include "ring.h"

/* The name of the highest mark that a level reaches, or NULL. */
static const char *mark_of(double level)
{
	size_t at;

	for (at = MARK_COUNT; at > 0; at--)
		if (level >= MARKS[at - 1].level)
			return MARKS[at - 1].name;
	return NULL;
}

static void report(const struct ring *ring, double alarm)
{
	double mean = ring_mean(ring);
	const char *mark = mark_of(mean);

	printf("mean %.1f cm, trend %+.1f cm", mean, ring_trend(ring));
	if (mark != NULL)
		printf(", mark \"%s\"", mark);
	printf("%s\n", mean >= alarm ? "  WARNING" : "");
}

int main(int count, char **words)
{
	struct ring ring;
	double level;

	if (count != 3 || !ring_start(&ring, (size_t)strtoul(words[1], NULL, 10))) {
		fprintf(stderr, "usage: gauge READINGS ALARM < levels\n");
		return 2;
	}
	while (scanf("%lf", &level) == 1) {
		ring_add(&ring, level);
		report(&ring, strtod(words[2], NULL));
	}
	return feof(stdin) ? 0 : 1;
}
