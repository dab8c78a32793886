"""What the agents are worth: whole campaigns of different teams of agents in the same worlds."""
