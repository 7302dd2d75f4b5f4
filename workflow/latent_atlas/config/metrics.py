"""Every metric the pipeline may write: name → (unit, meaning). Claims are checked against it."""

METRICS: dict[str, tuple[str, str]] = {
    "reconstruction_mse": ("squared grey level", "mean over pixels and images, mean code"),
    "reconstruction_mse_sampled": ("squared grey level", "the same with a sampled code"),
    "reconstruction_mse_refit": (
        "squared grey level",
        "training images after their latents were fitted anew by the test protocol",
    ),
    "psnr_db": ("dB", "peak signal-to-noise ratio of `reconstruction_mse`, peak 1"),
    "frobenius_per_number": (
        "grey level / number",
        "mean over batches of ‖x − x̂‖₂ / (images × pixels), the loss of study A's code",
    ),
    "frobenius_per_number_stepped": (
        "grey level / number",
        "the same after the decoder was stepped on the very images it is evaluated on",
    ),
    "total_loss": ("loss", "the training objective with a sampled code"),
    "kl_nats": ("nat", "exact KL from posterior to N(0, I), mean over images"),
    "active_units": ("count", "latent dimensions whose posterior mean varies by more than .01"),
    "beta_effective": ("1", "weight of the KL against ½ the squared error summed over pixels"),
    "posterior_variance_ratio": ("1", "variance of posterior draws over σ²"),
    "code_norm": ("1", "mean Euclidean norm of the codes"),
    "knn_accuracy": ("share", "5-nearest-neighbour class accuracy, training codes → test codes"),
    "silhouette": ("1", "silhouette of test codes by class"),
    "map_silhouette": ("1", "silhouette of the t-SNE map by class"),
    "map_norm_radius_spearman": (
        "1",
        "rank correlation of a code's norm with its distance from the centre of the t-SNE map",
    ),
    "test_coverage": ("share", "coverage (k = 5, pixels) of decoded test latents"),
    "test_density": ("1", "density (k = 5, pixels) of decoded test latents"),
    "test_within_real": (
        "share",
        "decoded test latents nearer to a training image than the 95 % quantile of test images",
    ),
    "random_coverage": ("share", "coverage (k = 5, pixels) of decoded random latents"),
    "random_density": ("1", "density (k = 5, pixels) of decoded random latents"),
    "random_within_real": (
        "share",
        "decoded random latents nearer to a training image than the 95 % quantile of test images",
    ),
    "random_diversity": ("1", "mean pairwise distance of random decodes over that of real images"),
    "test_diversity": ("1", "mean pairwise distance of test decodes over that of real images"),
    "random_share": ("share", "random decodes whose nearest training image is of the class"),
    "slerp_roughness": ("1", "largest over mean step of decoded spherical paths, in pixels"),
    "linear_roughness": ("1", "largest over mean step of decoded straight paths, in pixels"),
    "generalisation_gap": ("1", "test over training `reconstruction_mse`"),
    "control_mean_image_mse": ("squared grey level", "the training mean as the reconstruction"),
    "control_pca_mse": (
        "squared grey level",
        "PCA of the latent's size, fitted to training images",
    ),
}


def metric_parts(name: str) -> tuple[str, str | None]:
    """'random_share/Shirt' → ('random_share', 'Shirt'); a plain name has no class."""
    base, _, label = name.partition("/")
    return base, label or None


def unit_of(name: str) -> str:
    return METRICS[metric_parts(name)[0]][0]
