"""How runs, spoilt images and terms of the history are called in figures."""

from latent_atlas.config.corruptions import CORRUPTIONS

TERMS = {
    "loss": "loss",
    "reconstruction_mse": "MSE",
    "kl_nats": "KL in nats",
    "generator_loss": "generator’s loss",
    "discriminator_loss": "discriminator’s loss",
    "real_accuracy": "accuracy on real images",
    "fake_accuracy": "accuracy on fakes",
}
SHARES = ("real_accuracy", "fake_accuracy")
KIND_LABELS = {
    "noise": "Gaussian noise, cut off",
    "unclipped": "Gaussian noise",
    "flips": "flipped pixels",
    "square": "black square",
    "bar": "black bar",
    "column": "black column",
}
NOISES = ("noise", "unclipped")


def run_title(experiment: dict) -> str:
    title, reading = experiment["title"], experiment["reading"]
    named = title if reading in title else f"{title} · {reading}"
    return f"{named} · {experiment['dataset']}"


def severity_label(corruption: str) -> str:
    kind, severity = CORRUPTIONS[corruption]
    return f"{KIND_LABELS[kind]}, {'λ = ' if kind in NOISES else 'share '}{severity:g}"
