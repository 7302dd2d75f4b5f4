"""The ways in which test images are spoilt, and how badly: names for metrics, claims, figures."""

NOISE_SCALES = (0.1, 0.3, 1.0, 2.0)
OCCLUDED_SHARES = (0.05, 0.1, 0.2, 0.3)
SEVERITIES: dict[str, tuple[float, ...]] = {
    "noise": NOISE_SCALES,
    "unclipped": NOISE_SCALES,
    "flips": (0.01, 0.02, 0.05, 0.1, 0.2),
    "square": OCCLUDED_SHARES,
    "bar": OCCLUDED_SHARES,
    "column": OCCLUDED_SHARES,
}
CORRUPTIONS: dict[str, tuple[str, float]] = {
    f"{kind}-{severity:g}": (kind, severity)
    for kind, severities in SEVERITIES.items()
    for severity in severities
}
CLEAN = "clean"


def corruption_kind(name: str) -> str:
    """`name`, if images are spoilt so."""
    return _known(name, SEVERITIES)


def corruption(name: str) -> str:
    """`name`, if images are spoilt so and so badly."""
    return _known(name, CORRUPTIONS)


def _known(name: str, allowed: dict) -> str:
    if name not in allowed:
        raise ValueError(f"unknown corruption; allowed: {', '.join(allowed)}")
    return name
