#ifndef GAUGE_RING_H
#define GAUGE_RING_H

#include <stddef.h>

#define RING_MOST 256

/* The last readings, oldest first. A full ring forgets its oldest reading. */
struct ring {
	double values[RING_MOST];
	size_t size;  /* how many readings it holds at most */
	size_t count; /* how many it holds now */
	size_t next;  /* where the next reading goes */
};

/* Make the ring empty, for at most `size` readings; returns 0 if that is too many. */
int ring_start(struct ring *ring, size_t size);

/* Add a reading. */
void ring_add(struct ring *ring, double value);

/* The mean of the readings; 0.0 for an empty ring. */
double ring_mean(const struct ring *ring);

/* The difference between the newest and the oldest reading; 0.0 for fewer than two. */
double ring_trend(const struct ring *ring);

#endif
