"""What benches/table is made of: running the programs, what follows from their figures, and the tables."""
