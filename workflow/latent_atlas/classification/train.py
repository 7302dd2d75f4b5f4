"""One seed of a classifier, from its configuration to a trained network."""

import torch
from torch import nn

from latent_atlas.classification.fit import AfterEpoch, Fitted, fit
from latent_atlas.classification.inputs import ClassifierInputs
from latent_atlas.config.classifiers import Head
from latent_atlas.models.classifiers import Cnn, EncoderWithHead, HeadNetwork
from latent_atlas.models.conv import ConvEncoder, autoencoder_encoder
from latent_atlas.models.per_seed import initialised
from latent_atlas.streams import stream_seed
from latent_atlas.training.checkpoints import Checkpoints, Unfinished
from latent_atlas.training.optimisers import Optimiser, build_optimiser


class ClassifierTraining:
    """The `s`-th seed of `inputs`; `name` and the seed name the random streams."""

    def __init__(
        self,
        inputs: ClassifierInputs,
        s: int,
        name: str,
        after_epoch: AfterEpoch | None = None,
        unfinished: Unfinished | None = None,
    ):
        self.inputs, self.classifier = inputs, inputs.classifier
        self.model = inputs.classifier.model
        self.s, self.seed, self.name = s, inputs.seeds[s], name
        self.classes = len(inputs.dataset.classes)
        self.train, self.held_out = (inputs.data[split][s] for split in ("train", "validation"))
        self.after_epoch, self.unfinished = after_epoch, unfinished

    def run(self) -> Fitted:
        return self._cnn() if self.model.kind == "cnn" else self._encoder_with_head()

    def _cnn(self) -> Fitted:
        network = initialised(
            lambda: Cnn(self.classes), self.model.initialisation, self._stream("initialisation")
        )
        network = network.to(self.inputs.device).to(memory_format=torch.channels_last)
        return self._fit(
            network,
            [build_optimiser("adam", network.parameters(), self.model.learning_rate)],
            augment=self.model.augment,
            patience=self.model.patience,
        )

    def _encoder_with_head(self) -> Fitted:
        """Earlier heads, if any, then the head that stays; the encoder goes on from one to the
        next."""
        encoder = self._encoder()
        for number, head in enumerate(self.model.earlier_heads):
            name = f"{self.name}/{number}"
            earlier = ClassifierTraining(self.inputs, self.s, name, unfinished=self.unfinished)
            earlier._fit(*earlier._with_head(encoder, head))
        if self.classifier.train_on_all:
            self.train, self.held_out = self.train.joined(self.held_out), None
        return self._fit(*self._with_head(encoder, self.model.head))

    def _encoder(self) -> ConvEncoder:
        architecture = self.inputs.encoder.model
        encoder = initialised(
            lambda: autoencoder_encoder(architecture),
            architecture.initialisation,
            self._stream("encoder"),
        )
        if self.model.start != "scratch":
            weights = self.inputs.weights.items()
            encoder.load_state_dict({key: tensor[self.s] for key, tensor in weights})
        return encoder

    def _with_head(
        self, encoder: ConvEncoder, head: Head
    ) -> tuple[EncoderWithHead, list[Optimiser]]:
        """The head with its own optimiser, the encoder with its autoencoder's."""
        latent, own = self.inputs.encoder.model.latent, self.inputs.encoder.training
        network = EncoderWithHead(
            encoder,
            initialised(
                lambda: HeadNetwork(latent, head, self.classes),
                self.model.head_initialisation,
                self._stream("initialisation"),
            ),
            frozen=self.model.start == "frozen",
        ).to(self.inputs.device)
        optimisers = [
            build_optimiser(
                head.optimiser, network.head.parameters(), head.learning_rate, head.weight_decay
            )
        ]
        if not network.frozen:
            optimisers.append(
                build_optimiser(
                    own.optimiser, encoder.parameters(), own.learning_rate, own.weight_decay
                )
            )
        return network, optimisers

    def _fit(self, network: nn.Module, optimisers: list[Optimiser], **options) -> Fitted:
        return fit(
            network,
            optimisers,
            self.train,
            self.held_out,
            (self.name, self.seed),
            self.classifier.epochs,
            self.classifier.batch_size,
            after_epoch=self.after_epoch,
            checkpoints=self._checkpoints(),
            **options,
        )

    def _checkpoints(self) -> Checkpoints | None:
        if self.unfinished is None:
            return None
        encoder = self.inputs.encoder_hash(self.seed)
        return self.unfinished.part(seed=self.seed, network=self.name, encoder=encoder)

    def _stream(self, purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(stream_seed(self.name, self.seed, purpose))
