"""rectune on a team's own tables: experiments are measured where exposures and events are kept."""
