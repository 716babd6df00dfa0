"""What the waiting room costs, as counts and as ratios within one run. `make bench` runs it all."""
