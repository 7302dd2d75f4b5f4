"""What a study file may say (`config/studies/*.yaml`): experiments, figures, claims, choices."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from latent_atlas.config.base import Config, Count, Id, NotNegative
from latent_atlas.config.corruptions import corruption, corruption_kind
from latent_atlas.config.metrics import METRICS, metric_parts

Split = Literal["train", "validation", "test"]


def _metric(name: str) -> str:
    if metric_parts(name)[0] not in METRICS:
        raise ValueError(f"unknown metric; allowed: {', '.join(METRICS)}")
    return name


def _printed(text: str) -> str:
    try:
        Decimal(text)
    except InvalidOperation:
        raise ValueError('write the number as printed, in quotes: "0.0228"') from None
    return text


Metric = Annotated[str, AfterValidator(_metric)]
Printed = Annotated[str, AfterValidator(_printed)]


class Small(Config):
    """What the default run changes so that a study fits a laptop."""

    dataset: Id = Field(description="the embedded data set that stands in")
    other_datasets: dict[Id, Id] = Field(
        default={}, description="another one for some declared data sets"
    )
    train: Count
    test: Count
    epochs_factor: Annotated[float, Field(gt=0, le=1)] = Field(
        description="of epochs, of steps that fit latents, of the images whose latents a GAN is "
        "asked for"
    )
    batch_size: Count | None = Field(default=None, description="empty: as declared")
    trials: Count | None = Field(default=None, description="of each search; empty: as declared")
    experiments: list[Id] = Field(
        min_length=1, description="experiments, classifiers, searches and sweeps that are run"
    )


class Tolerance(Config):
    """Half-width of the accepted range: relative to the published value, or absolute."""

    relative: NotNegative = 0.0
    absolute: NotNegative = 0.0


class Measured(Config):
    """One statistic: a metric of an experiment on a split, one value a seed."""

    experiment: Id
    metric: Metric
    split: Split = "test"


class Variants(Config):
    """Every combination of the experiments and metrics named, one row each."""

    experiments: list[Id] = Field(min_length=1)
    metrics: list[Metric] = Field(min_length=1)
    split: Split = "test"
    calibrated: bool = Field(default=False, description="the number was used to choose a setting")
    note: str = ""


class OrderedPair(Config):
    lower: Measured
    higher: Measured
    note: str = ""


class ClaimBase(Config):
    id: Id
    number: Count = Field(description="the claim's number in the study's list")
    source: str = Field(description="section of the report")
    text: str = Field(description="what is claimed, in our words")


class NumberClaim(ClaimBase):
    """A published number, judged by equivalence."""

    kind: Literal["number"]
    published: Printed
    tolerance: str
    better: Literal["lower", "higher"] | None
    not_comparable: str = Field(
        default="", description="why the number is shown but not judged: another machine, say"
    )
    variants: list[Variants] = Field(min_length=1)


class OrderingClaim(ClaimBase):
    """One statistic below another, or below a fraction of it, paired over seeds."""

    kind: Literal["ordering"]
    factor: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="the higher one exceeds the lower one so many times"
    )
    variants: list[OrderedPair] = Field(min_length=1)


class ThresholdClaim(ClaimBase):
    """One statistic above or below a stated threshold."""

    kind: Literal["threshold"]
    side: Literal["above", "below"]
    threshold: float
    why: str = Field(description="where the threshold comes from")
    variants: list[Variants] = Field(min_length=1)


class UnitClaim(ClaimBase):
    """Published numbers are in the claimed unit rather than in a rival one: their mean absolute
    log ratio to the measured values is smaller there, paired over seeds."""

    kind: Literal["unit"]
    published: dict[Split, Printed]
    claimed: Measured
    rival: Measured


class SeverityClaim(ClaimBase):
    """A published error on spoilt images whose severity the report does not give: the severity
    that brings it, which is then no test of anything."""

    kind: Literal["severity"]
    published: Printed
    experiments: list[Id] = Field(min_length=1)
    corruptions: list[Annotated[str, AfterValidator(corruption_kind)]] = Field(min_length=1)


class UnattemptedClaim(ClaimBase):
    """What can be true or false, but is not judged here."""

    kind: Literal["unattempted"]
    reason: str = Field(description="what judging it would need, or why nothing can judge it")


Claim = Annotated[
    NumberClaim | OrderingClaim | ThresholdClaim | UnitClaim | SeverityClaim | UnattemptedClaim,
    Field(discriminator="kind"),
]


class FigureBase(Config):
    id: Id
    source: str = Field(description="the report's figure, or 'ours'")
    caption: str
    says: str = Field(default="", description="what the report says it shows, in our words")


class DecodesFigure(FigureBase):
    """Rows of images, one panel an experiment."""

    kind: Literal["decodes"]
    experiments: list[Id] = Field(min_length=1)
    rows: list[
        Literal[
            "test_images", "test_decodes", "random_decodes", "fitted_decodes", "mixture_decodes"
        ]
    ] = Field(default=["test_images", "test_decodes", "random_decodes"], min_length=1)


class CompareFigure(FigureBase):
    """The same test images as several experiments reconstruct them, a row each, below the
    originals."""

    kind: Literal["compare"]
    experiments: list[Id] = Field(min_length=1)


class PathsFigure(FigureBase):
    """Decoded paths between test images or (random_linear) random codes, one panel an
    experiment."""

    kind: Literal["paths"]
    experiments: list[Id] = Field(min_length=1)
    along: list[Literal["slerp", "linear", "random_linear"]] = Field(
        default=["slerp", "linear"], min_length=1
    )


class WalksFigure(FigureBase):
    """Decoded walks along coordinates of a random code: named, those that each experiment lists;
    strongest, those with the strongest effect on each image property."""

    kind: Literal["walks"]
    experiments: list[Id] = Field(min_length=1)
    which: Literal["named", "strongest"]


class ExperimentFigure(FigureBase):
    """curves: training loss, one panel an experiment; corners: decoded codes between those of four
    test images; growth: one image's reconstruction over the epochs."""

    kind: Literal["curves", "corners", "growth"]
    experiments: list[Id] = Field(min_length=1)


class BatchesFigure(FigureBase):
    """One term of the history by batch, all experiments in one panel."""

    kind: Literal["batches"]
    experiments: list[Id] = Field(min_length=1)
    term: Literal["loss", "reconstruction_mse", "kl_nats"]


class OverlayFigure(FigureBase):
    """One term of the history by epoch, all experiments in one panel."""

    kind: Literal["overlay"]
    experiments: list[Id] = Field(min_length=1)
    term: Literal[
        "loss",
        "reconstruction_mse",
        "kl_nats",
        "generator_loss",
        "discriminator_loss",
        "real_accuracy",
        "fake_accuracy",
    ]
    splits: list[Literal["train", "validation"]] = Field(min_length=1)


class RateFigure(FigureBase):
    """Rate (KL) and distortion (MSE of sampled codes), one panel a data set; point codes as
    lines."""

    kind: Literal["rate"]
    experiments: list[Id] = Field(min_length=1)


class SpoiltFigure(FigureBase):
    """Test images, spoilt ones and their reconstructions, one panel for each experiment and
    corruption."""

    kind: Literal["spoilt"]
    experiments: list[Id] = Field(min_length=1)
    corruptions: list[Annotated[str, AfterValidator(corruption)]] = Field(min_length=1)
    rows: list[Literal["clean", "spoilt", "decodes"]] = Field(
        default=["clean", "spoilt", "decodes"], min_length=1
    )


class SeverityFigure(FigureBase):
    """A metric of spoilt images by how badly they are spoilt, one panel a kind of corruption, one
    line an experiment."""

    kind: Literal["severity"]
    experiments: list[Id] = Field(min_length=1)
    metric: Literal["corrupted_mse", "corrupted_agreement", "code_shift"]
    published: dict[Annotated[str, AfterValidator(corruption_kind)], Printed] = Field(default={})


class SweepFigure(FigureBase):
    """Validation losses. sweep: of sweeps over one and the same key, a line each; grid: of sweeps
    over the same two keys, a panel each."""

    kind: Literal["sweep", "grid"]
    experiments: list[Id] = Field(min_length=1)


class ConfusionFigure(FigureBase):
    """Confusion matrices of classifiers on the test images, all seeds together."""

    kind: Literal["confusion"]
    experiments: list[Id] = Field(min_length=1)


class TrialsFigure(FigureBase):
    """Validation values of searches' trials, the best marked."""

    kind: Literal["trials"]
    experiments: list[Id] = Field(min_length=1)


class MapFigure(FigureBase):
    kind: Literal["map"]
    experiments: list[Id] = Field(min_length=1)
    method: Literal["tsne", "pca", "codes"] = Field(
        default="tsne", description="codes: two-dimensional codes as they are"
    )
    colour: Literal["class", "norm"]


class ClaimFigure(FigureBase):
    """Published against measured for every number claim."""

    kind: Literal["numbers"]


class SearchFigure(FigureBase):
    """Training loss over the KL weights of several experiments; published losses by epochs."""

    kind: Literal["search"]
    experiments: list[Id] = Field(min_length=2)
    published: dict[int, Printed]


Figure = Annotated[
    DecodesFigure
    | CompareFigure
    | PathsFigure
    | WalksFigure
    | ExperimentFigure
    | BatchesFigure
    | OverlayFigure
    | RateFigure
    | SpoiltFigure
    | SeverityFigure
    | SweepFigure
    | ConfusionFigure
    | TrialsFigure
    | MapFigure
    | ClaimFigure
    | SearchFigure,
    Field(discriminator="kind"),
]


class Choice(Config):
    """Something the source leaves open, and what is done here."""

    topic: str
    source: str = Field(description="what the source says, or 'not given'")
    choice: str


class StudyConfig(Config):
    id: Id
    letter: str
    title: str
    authors: str
    year: Count | None = Field(default=None, description="empty: the report gives none")
    code: str = Field(description="the public code and its commit, or 'none'")
    dataset: Id = Field(description="the data set of the published numbers")
    small: Small
    tolerances: dict[str, Tolerance]
    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    defaults: dict[str, Any] = Field(description="merged below every experiment")
    classifier_defaults: dict[str, Any] = Field(
        default={}, description="merged below every classifier"
    )
    experiments: dict[Id, dict[str, Any]] = Field(min_length=1)
    classifiers: dict[Id, dict[str, Any]] = Field(default={})
    searches: dict[Id, dict[str, Any]] = Field(default={})
    sweeps: dict[Id, dict[str, Any]] = Field(default={})
    figures: list[Figure] = Field(min_length=1)
    claims: list[Claim] = Field(min_length=1)
    choices: list[Choice]
