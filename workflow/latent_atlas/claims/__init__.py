"""Published numbers and sentences as rows, each with a rule and a verdict over seeds."""
