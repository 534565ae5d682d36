"""Running systems with a time step rule, and judging the rule by what happens."""
