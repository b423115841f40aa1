"""What things are: the contracts between the rooms, for every lane. Imports pyarrow and the digest only."""
