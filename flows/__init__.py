"""What happens, in which order; imports nothing, so that Prefect's environment can come first."""
