package main

import (
	"flag"
	"fmt"
	"math/rand"

	"ferry.example/ferry/queue"
)

// A day of crossings, counted in minutes.
type day struct {
	seats    int
	patience int // minutes the boat waits for more passengers
	crossing int // minutes it takes to cross
}

// run lets passengers arrive, about `perHour` of them, and returns how many minutes each of them waited.
func (d day) run(minutes int, perHour float64, random *rand.Rand) []int {
	var bank queue.Queue
	var waits []int
	ready, since := 0, -1
	for now := 0; now < minutes; now++ {
		for random.Float64() < perHour/60/(1+perHour/60) {
			bank.Push(now)
		}
		if bank.Len() > 0 && since < 0 {
			since = now
		}
		if now < ready || since < 0 {
			continue
		}
		if bank.Len() >= d.seats || now-since >= d.patience {
			for seat := 0; seat < d.seats && bank.Len() > 0; seat++ {
				waits = append(waits, now-bank.Pop())
			}
			ready, since = now+2*d.crossing, -1
		}
	}
	return waits
}

func mean(values []int) float64 {
	if len(values) == 0 {
		return 0
	}
	sum := 0
	for _, value := range values {
		sum += value
	}
	return float64(sum) / float64(len(values))
}

func main() {
	seats := flag.Int("seats", 12, "seats of the largest boat")
	hours := flag.Int("hours", 10, "length of the day")
	seed := flag.Int64("seed", 1, "the same seed gives the same day")
	flag.Parse()
	for size := 2; size <= *seats; size += 2 {
		found := day{seats: size, patience: 10, crossing: 4}.run(60**hours, 40, rand.New(rand.NewSource(*seed)))
		fmt.Printf("%2d seats: %3d crossed, mean wait %4.1f minutes\n", size, len(found), mean(found))
	}
}
