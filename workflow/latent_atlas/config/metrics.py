"""Every metric the pipeline may write: name → (unit, meaning). Claims are checked against it."""

OWN = "own_"
"""How the names of metrics begin that functions of the user's measure (`config/own.py`)."""

METRICS: dict[str, tuple[str, str]] = {
    "reconstruction_mse": ("squared grey level", "mean over pixels and images, mean code"),
    "reconstruction_mse_sampled": ("squared grey level", "the same with a sampled code"),
    "reconstruction_mse_start": (
        "squared grey level",
        "the first 2,000 test images: from an encoder's mean code, or from the code 0",
    ),
    "reconstruction_mse_refined": (
        "squared grey level",
        "the same once Adam has optimised each image's code from there; the best on the way",
    ),
    "reconstruction_mse_refit": (
        "squared grey level",
        "training images after their latents were fitted anew by the test protocol",
    ),
    "unexplained_share": (
        "share",
        "`reconstruction_mse` over the mean image's: variance that reconstructions leave",
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
    "total_loss": (
        "loss",
        "the training objective with a sampled code; of a full batch where images are summed",
    ),
    "kl_nats": ("nat", "exact KL from posterior to N(0, I), mean over images"),
    "elbo_nats": (
        "nat",
        "evidence lower bound on the log density of the first 2,000 test images, mean; pixels lie "
        "about their decode as N(0, σ²), σ² the error of sampled training reconstructions",
    ),
    "importance_bound_nats": (
        "nat",
        "the same bound, tightened by importance sampling",
    ),
    "active_units": ("count", "latent dimensions whose posterior mean varies by more than .01"),
    "beta_effective": (
        "1",
        "weight of the KL against ½ the squared error, or the cross-entropy, summed over pixels",
    ),
    "posterior_variance_ratio": ("1", "variance of posterior draws over σ²"),
    "code_norm": ("1", "mean Euclidean norm of the codes"),
    "knn_accuracy": ("share", "5-nearest-neighbour class accuracy, training codes → test codes"),
    "linear_probe_accuracy": (
        "share",
        "test codes whose class logistic regression finds, trained on the first 5,000 training "
        "codes, standardised",
    ),
    "silhouette": ("1", "silhouette of test codes by class"),
    "map_trustworthiness": (
        "1",
        "how far 5 nearest neighbours on the t-SNE map are near among the codes, at most 1",
    ),
    "pca_map_trustworthiness": ("1", "the same of the PCA map"),
    "map_silhouette": ("1", "silhouette of the t-SNE map by class"),
    "map_norm_radius_spearman": (
        "1",
        "rank correlation of a code's norm with its distance from the centre of the t-SNE map",
    ),
    "map_knn_accuracy": (
        "share",
        "5-nearest-neighbour accuracy on the t-SNE map, first half → second half",
    ),
    "pca_map_silhouette": ("1", "silhouette of the PCA map by class"),
    "pca_map_knn_accuracy": (
        "share",
        "5-nearest-neighbour accuracy on the PCA map, first half → second half",
    ),
    "pca_variance_1": ("share", "variance of the test codes along their first principal component"),
    "pca_variance_2": ("share", "the same along the second"),
    "pair_accuracy": (
        "share",
        "test codes of a pair of classes that their 5 nearest among training codes of the two, the "
        "first 5,000 of all, assign rightly",
    ),
    "group_accuracy": (
        "share",
        "`knn_accuracy` for groups of classes, such as vehicles and animals: mean over groups of "
        "the share found in its own group",
    ),
    "overlap_rank": (
        "rank",
        "of a pair of classes by how much `knn_accuracy` takes them for each other, 1 the most",
    ),
    "detail_ratio": (
        "1",
        "high-frequency power (above .25 cycles a pixel) of decoded test latents over that of "
        "their images",
    ),
    "neighbour_change": (
        "1",
        "mean distance in pixels between the decodes of a test code and of a code as far from it "
        "as its nearest neighbour, in a random direction, over the mean distance of real images",
    ),
    "neighbour_change_q95": ("1", "the same, 95 % quantile over test codes"),
    "last_epoch_loss": ("loss", "training loss, mean over the last epoch's batches"),
    "last_epoch_reconstruction": ("loss", "its reconstruction term"),
    "last_epoch_kl_nats": ("nat", "the KL in the same batches, not weighted"),
    "last_epoch_kl_share": ("share", "of `last_epoch_loss` that is the weighted KL"),
    "last_epoch_fall": (
        "share",
        "by which the last epoch's loss lies below that of the one before",
    ),
    "early_fall": (
        "share",
        "of the fall of single batches' losses that the first third of all batches brings",
    ),
    "loss_oscillation": (
        "loss",
        "standard deviation of the last epoch's batch losses about their straight-line trend",
    ),
    "loss_oscillation_relative": ("1", "the same over their mean"),
    "late_gain": (
        "share",
        "of the validation loss's fall that comes after 20/42 of the epochs",
    ),
    "epochs_to_mean_image": (
        "epoch",
        "first epoch whose validation MSE lies below the mean image's; one more than were trained "
        "where none does",
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
    "fitted_coverage": (
        "share",
        "coverage (k = 5, pixels) of decoded codes from a Gaussian fitted to training codes",
    ),
    "fitted_density": ("1", "density (k = 5, pixels) of the same"),
    "fitted_within_real": (
        "share",
        "of the same, those nearer to a training image than the 95 % quantile of test images",
    ),
    "mixture_coverage": (
        "share",
        "coverage (k = 5, pixels) of decoded codes from a mixture of 10 Gaussians fitted to "
        "training codes",
    ),
    "mixture_density": ("1", "density (k = 5, pixels) of the same"),
    "mixture_within_real": (
        "share",
        "of the same, those nearer to a training image than the 95 % quantile of test images",
    ),
    "mixture_diversity": ("1", "mean pairwise distance of the same over that of real images"),
    "test_nearest_training": (
        "1",
        "mean distance in pixels of decoded test latents to their nearest training image, over "
        "that of test images",
    ),
    "random_nearest_training": ("1", "the same of decoded random latents"),
    "fitted_nearest_training": ("1", "the same of decoded codes from a fitted Gaussian"),
    "mixture_nearest_training": ("1", "the same of decoded codes from a fitted mixture"),
    "fitted_diversity": ("1", "mean pairwise distance of the same over that of real images"),
    "random_diversity": ("1", "mean pairwise distance of random decodes over that of real images"),
    "test_diversity": ("1", "mean pairwise distance of test decodes over that of real images"),
    "random_share": ("share", "random decodes whose nearest training image is of the class"),
    "slerp_roughness": ("1", "largest over mean step of decoded spherical paths, in pixels"),
    "linear_roughness": ("1", "largest over mean step of decoded straight paths, in pixels"),
    "corner_roughness": (
        "1",
        "largest over mean step along rows and columns of decoded grids between four test codes, "
        "in pixels",
    ),
    "random_linear_roughness": (
        "1",
        "largest over mean step of decoded straight paths between codes of N(0, I), in pixels",
    ),
    "walk_roughness": (
        "1",
        "the same along a walk of the study, by its number, from 16 codes of N(0, I)",
    ),
    "ink_area_coordinate": ("index", "the coordinate whose walk changes the ink's area the most"),
    "ink_area_effect": (
        "1",
        "change of the ink's area from −2 to 2 along that coordinate, mean over 16 other codes, in "
        "standard deviations among samples",
    ),
    "ink_area_effect_median": ("1", "the same of the median coordinate"),
    "width_coordinate": ("index", "the coordinate whose walk changes the ink's width the most"),
    "width_effect": ("1", "change of the ink's width along it, measured likewise"),
    "width_effect_median": ("1", "the same of the median coordinate"),
    "mean_colour_coordinate": (
        "index",
        "the coordinate whose walk changes the mean colour the most",
    ),
    "mean_colour_effect": ("1", "change of the mean colour along it, measured likewise"),
    "mean_colour_effect_median": ("1", "the same of the median coordinate"),
    "dataset_images": ("count", "images of all splits that are used"),
    "real_frechet": (
        "1",
        "Fréchet distance of training images, the floor, to test images, in the features of "
        "a classifier trained on the data set",
    ),
    "real_kid": ("1", "unbiased kernel distance of the same"),
    "real_precision": ("share", "share of the same in the ball of a test image, in features"),
    "real_recall": ("share", "share of test images in the ball of one of the same"),
    "real_feature_density": ("1", "density (k = 5, features) of the same"),
    "real_feature_coverage": ("share", "coverage (k = 5, features) of the same"),
    "random_frechet": (
        "1",
        "Fréchet distance of decoded random latents, to test images, in the features of "
        "a classifier trained on the data set",
    ),
    "random_kid": ("1", "unbiased kernel distance of the same"),
    "random_precision": ("share", "share of the same in the ball of a test image, in features"),
    "random_recall": ("share", "share of test images in the ball of one of the same"),
    "random_feature_density": ("1", "density (k = 5, features) of the same"),
    "random_feature_coverage": ("share", "coverage (k = 5, features) of the same"),
    "mixture_frechet": (
        "1",
        "Fréchet distance of decoded codes from a fitted mixture, to test images, in the features "
        "of a classifier trained on the data set",
    ),
    "mixture_kid": ("1", "unbiased kernel distance of the same"),
    "mixture_precision": ("share", "share of the same in the ball of a test image, in features"),
    "mixture_recall": ("share", "share of test images in the ball of one of the same"),
    "mixture_feature_density": ("1", "density (k = 5, features) of the same"),
    "mixture_feature_coverage": ("share", "coverage (k = 5, features) of the same"),
    "quality_images": ("count", "samples, and real images, that these distances are of"),
    "slerp_feature_roughness": (
        "1",
        "largest over mean step of decoded spherical paths, in features",
    ),
    "linear_feature_roughness": (
        "1",
        "largest over mean step of decoded straight paths, in features",
    ),
    "random_linear_feature_roughness": (
        "1",
        "largest over mean step of decoded straight paths between codes of N(0, I), in features",
    ),
    "walk_class_change": (
        "share",
        "walks of the study, by its number, from 16 codes, along which the class changes",
    ),
    "ink_area_class_change": ("share", "the same along `ink_area_coordinate`"),
    "width_class_change": ("share", "the same along `width_coordinate`"),
    "mean_colour_class_change": ("share", "the same along `mean_colour_coordinate`"),
    "test_label_agreement": (
        "share",
        "decoded test latents that the same classifier takes for their image's class",
    ),
    "real_label_agreement": ("share", "test images that it takes for their class"),
    "corrupted_mse": (
        "squared grey level",
        "mean over pixels and the first 2,000 test images of the squared difference between a "
        "spoilt image's reconstruction and the clean image: noise-λ, cut off at black and white, "
        "or unclipped-λ, not cut off; flips-share; the share "
        "of the area blackened by a square, bar or column; clean: not spoilt",
    ),
    "corrupted_agreement": (
        "share",
        "reconstructions of the same images that the data set's own classifier takes for their "
        "class",
    ),
    "code_shift": (
        "1",
        "mean distance between the codes of an image spoilt likewise and of the clean one, over "
        "the mean distance between codes of clean images",
    ),
    "control_corrupted_mse": (
        "squared grey level",
        "the spoilt image itself as the reconstruction",
    ),
    "control_corrupted_agreement": (
        "share",
        "spoilt images that the classifier takes for their class as they are",
    ),
    "severity": (
        "share or λ",
        "how badly images must be spoilt until `corrupted_mse` is a published number",
    ),
    "extra_pixels_removed": (
        "share",
        "pixels below ½ that were flipped above it (flips-0.02) and are reconstructed below it",
    ),
    "gaps_filled": (
        "share",
        "pixels above ½ that were flipped below it (flips-0.02) and are reconstructed above it",
    ),
    "posterior_spread": (
        "1",
        "mean distance in pixels between decoded draws from one image's posterior, over that "
        "between real images; mean over the first 500 test images",
    ),
    "unit_step_change": (
        "1",
        "mean distance in pixels between the decodes of a code and of a code 1 away from it in a "
        "random direction, over that between real images",
    ),
    "unit_step_roughness": (
        "1",
        "largest over mean of the four quarter steps on the way, in pixels",
    ),
    "leaked_share": (
        "share",
        "of what is validated on that has its image, or a noisy copy of it, among what is trained "
        "on",
    ),
    "validation_loss": (
        "loss",
        "the training objective with a sampled code on what is held out, after the last epoch",
    ),
    "generalisation_gap": ("1", "test over training `reconstruction_mse`"),
    "control_mean_image_mse": ("squared grey level", "the training mean as the reconstruction"),
    "control_pca_mse": (
        "squared grey level",
        "PCA of the latent's size, fitted to training images",
    ),
    "control_random_codes_mse": (
        "squared grey level",
        "decoded random latents as the reconstructions of test images",
    ),
    "parameters": ("count", "weights of all the model's networks, latents of images apart"),
    "images_per_second": ("1/s", "training images of all seeds, by the clock of its machine"),
    "peak_memory_mib": ("MiB", "of the training process"),
    "accuracy_percent": ("percent", "images whose class is found"),
    "accuracy_gap_points": ("point", "absolute difference of validation and test accuracy"),
    "f1_percent": ("percent", "harmonic mean of a class's precision and recall"),
    "precision_percent": ("percent", "share of the images taken for a class that are of it"),
    "recall_percent": ("percent", "share of a class's images that are found"),
    "train_seconds": (
        "s",
        "seconds of training, by the clock of its machine; where seeds train together, one value: "
        "their mean",
    ),
    "sweep_loss": (
        "loss",
        "of a sweep's point, by its values: the training objective with a sampled code on what is "
        "held out, after the last epoch",
    ),
    "sweep_excess": (
        "share",
        "by which that loss exceeds the best point's of the same seed, of the size of that; noise "
        "outside [0, 1] makes losses negative",
    ),
    "search_best_value": ("loss or percent", "validation value of a search's best trial"),
    "search_best_is_adam": ("1", "1 where a search's best trial uses Adam, else 0"),
    "search_late_ratio": (
        "1",
        "median value of the finished ones among the last quarter of trials, as a factor from the "
        "best (1 is equal)",
    ),
    "search_late_spread": (
        "1",
        "mean distance from the best trial's hyper-parameters, axes scaled to length 1: last "
        "quarter of trials over first half",
    ),
}


UNCLASSED = (
    "sweep_loss",
    "sweep_excess",
    "walk_roughness",
    "walk_class_change",
    "severity",
    "corrupted_mse",
    "corrupted_agreement",
    "code_shift",
    "control_corrupted_mse",
    "control_corrupted_agreement",
)


def metric_parts(name: str) -> tuple[str, str | None]:
    """'random_share/Shirt' → ('random_share', 'Shirt'); a plain name has no class. A pair of
    classes is written 'Coat+Shirt'; what is in `UNCLASSED` has a number or a name instead."""
    base, _, label = name.partition("/")
    return base, label or None


def unit_of(name: str) -> str:
    return METRICS[metric_parts(name)[0]][0]
