"""Words and how often each comes: the heart of the program."""

import re
from collections import Counter

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def words_of(line):
    """Yield the words of a line, folded so that `River` and `river` are one."""
    for match in WORD.finditer(line):
        yield match.group().casefold()


class Tally:
    """A running count of words, fed line by line."""

    def __init__(self):
        self.counts = Counter()
        self.lines = 0

    def feed(self, lines):
        """Count every word of these lines and return the tally, so that calls can be chained."""
        for line in lines:
            self.lines += 1
            self.counts.update(words_of(line))
        return self

    @property
    def total(self):
        """How many words were read, repeated ones included."""
        return sum(self.counts.values())

    def most(self, number):
        """The most common words with their counts; among equals the alphabet decides."""
        return sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))[:number]

    def share(self, word):
        """How much of the text one word makes up, from 0.0 to 1.0."""
        return self.counts[word.casefold()] / self.total if self.total else 0.0
