"""Five published studies of latent-variable image models, reproduced and judged over seeds."""
