"""The measurements that every latent-variable model gets, or why one cannot have them."""

from pydantic import Field

from latent_atlas.config.base import Config, Count
from latent_atlas.config.experiments import Experiment
from latent_atlas.config.networks import ADVERSARIAL, POINT_CODES

MOST_IMAGES = 2000
SAMPLE_MEASURES = (
    "frechet",
    "kid",
    "precision",
    "recall",
    "feature_density",
    "feature_coverage",
)
POSTERIOR_MEASURES = (
    "reconstruction_mse_sampled",
    "kl_nats",
    "elbo_nats",
    "importance_bound_nats",
    "posterior_spread",
)
CLOCKED = ("train_seconds", "images_per_second", "peak_memory_mib")
BATTERY = {
    **dict.fromkeys(
        (
            "reconstruction_mse",
            "psnr_db",
            "reconstruction_mse_refined",
            "detail_ratio",
            *POSTERIOR_MEASURES,
            "active_units",
            *(f"{of}_{name}" for of in ("random", "mixture", "real") for name in SAMPLE_MEASURES),
            "random_nearest_training",
            "mixture_nearest_training",
            "linear_probe_accuracy",
            "knn_accuracy",
            "silhouette",
            "map_trustworthiness",
            "pca_map_trustworthiness",
            "linear_feature_roughness",
            "slerp_feature_roughness",
            "control_mean_image_mse",
            "control_pca_mse",
            "control_random_codes_mse",
        ),
        "test",
    ),
    **dict.fromkeys(("parameters", *CLOCKED), "train"),
}


class BatterySettings(Config):
    """What costs most of a battery's time. Of the test images, the first 2,000 are used."""

    samples: Count = Field(
        description="decoded random latents at most, and real images that they are compared with"
    )
    paths: Count = Field(
        description="decoded paths between test images; a fifth as many grids between four"
    )
    refine_steps: Count = Field(
        description="steps of Adam with rate .01 from an encoder's code, or from 0, to the code "
        "that reconstructs an image best"
    )
    importance_samples: Count = Field(
        description="draws from a posterior in the importance-sampled bound"
    )


def why_not(metric: str, experiment: Experiment) -> str | None:
    """Why a measurement of the battery cannot be had; None where it can."""
    family = experiment.model.family
    if metric in CLOCKED:
        return "by the clock, so not the same from run to run: see costs.parquet"
    if metric in POSTERIOR_MEASURES and family in POINT_CODES:
        return f"{family}: a code is a point, there is no posterior"
    if metric.startswith("mixture_") and family in ADVERSARIAL:
        return f"{family}: training learns no codes that a mixture could be fitted to"
    return None
