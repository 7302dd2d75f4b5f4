"""Fine detail of images."""

import numpy as np

CUTOFF = 0.25


def high_frequency_energy(images: np.ndarray) -> float:
    """Power of images [N,C,H,W] at spatial frequencies above .25 cycles a pixel, half of what a
    pixel grid can hold along an axis."""
    power = np.abs(np.fft.fft2(images)) ** 2
    rows, columns = (np.fft.fftfreq(size) for size in images.shape[-2:])
    return float(power[..., np.hypot(rows[:, None], columns) > CUTOFF].sum())
