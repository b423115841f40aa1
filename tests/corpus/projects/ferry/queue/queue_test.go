package queue

import "testing"

func TestFirstComeFirstServed(t *testing.T) {
	var line Queue
	for minute := 0; minute < 100; minute++ {
		line.Push(minute)
	}
	for minute := 0; minute < 100; minute++ {
		if got := line.Pop(); got != minute {
			t.Fatalf("popped %d, want %d", got, minute)
		}
	}
	if line.Len() != 0 {
		t.Fatalf("%d are left", line.Len())
	}
}

func TestZeroValueIsEmpty(t *testing.T) {
	var line Queue
	if line.Len() != 0 {
		t.Fatalf("an empty queue has length %d", line.Len())
	}
}
