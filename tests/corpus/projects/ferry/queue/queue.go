// Package queue holds those who wait, first come, first served.
package queue

// Queue is a line of arrival times in minutes. The zero value is an empty queue.
type Queue struct {
	times []int
	head  int
}

// Push adds somebody who arrived at this minute.
func (q *Queue) Push(minute int) {
	q.times = append(q.times, minute)
}

// Pop takes the first in line and returns when they arrived. It panics on an empty queue.
func (q *Queue) Pop() int {
	minute := q.times[q.head]
	q.head++
	if q.head > len(q.times)/2 {
		q.times = append([]int(nil), q.times[q.head:]...)
		q.head = 0
	}
	return minute
}

// Len returns how many are waiting.
func (q *Queue) Len() int {
	return len(q.times) - q.head
}
