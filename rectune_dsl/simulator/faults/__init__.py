"""What a task's `[simulator.faults]` lets go wrong. The world itself knows of `arm.Disturbance` only."""
