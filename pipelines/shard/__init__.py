"""The shard room: items become samples, samples tar shards, shards a release that verifies itself."""
