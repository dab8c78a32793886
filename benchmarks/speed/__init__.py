"""The parts of `benchmarks/simulator.py`: each a module with `figures(options)`."""
