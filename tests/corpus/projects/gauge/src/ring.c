#include "ring.h"

int ring_start(struct ring *ring, size_t size)
{
	if (size == 0 || size > RING_MOST)
		return 0;
	ring->size = size;
	ring->count = 0;
	ring->next = 0;
	return 1;
}

void ring_add(struct ring *ring, double value)
{
	ring->values[ring->next] = value;
	ring->next = (ring->next + 1) % ring->size;
	if (ring->count < ring->size)
		ring->count++;
}

double ring_mean(const struct ring *ring)
{
	double sum = 0.0;
	size_t at;

	if (ring->count == 0)
		return 0.0;
	for (at = 0; at < ring->count; at++)
		sum += ring->values[at];
	return sum / (double)ring->count;
}

static double reading(const struct ring *ring, size_t age)
{
	size_t newest = (ring->next + ring->size - 1) % ring->size;

	return ring->values[(newest + ring->size - age) % ring->size];
}

double ring_trend(const struct ring *ring)
{
	if (ring->count < 2)
		return 0.0;
	return reading(ring, 0) - reading(ring, ring->count - 1);
}
