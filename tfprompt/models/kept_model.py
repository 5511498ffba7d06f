"""What is kept of a model over a frozen backbone: the trained tensors and a description."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import keras
import numpy as np

from tfprompt.encoders.starting_points import needs_catalog, start_from_catalog
from tfprompt.encoders.texts import encode_texts
from tfprompt.errors import ConfigError, ExportError
from tfprompt.models import prompt_files, retriever_config
from tfprompt.models.column_tensors import of_other_values
from tfprompt.models.parts import check_parts, variables_of
from tfprompt.models.sample_likeness import sample_likeness
from tfprompt.models.tensors import kept_tensors, trained_variables
from tfprompt.models.training_state import networks

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.prompted import PromptedEncoder
    from tfprompt.models.item_table import ItemTable


class KeptModel(keras.Model):
    """A base of models that train prompts over a catalog.

    A subclass sets `encoder`, `catalog`, `item_text` and `item_table`, and gives `options()`.
    """

    encoder: PromptedEncoder
    catalog: Catalog
    item_text: str
    item_table: ItemTable

    def options(self) -> dict[str, Any]:
        """The constructor's options, as JSON."""
        raise NotImplementedError

    @property
    def item_vectors(self) -> np.ndarray:
        """The frozen text vectors of all items `[N, D]` of length 1, before any whitening."""
        return encode_texts(self.encoder.loaded, self.catalog.texts(self.item_text))

    def prepare(self) -> None:
        """Encodes the catalog with the frozen backbone, once; `fit` and the like call it."""
        if not self.item_table.filled:
            own = {name: self.catalog_vectors(name) for name in self.item_table.extra}
            self.item_table.fill(self.item_vectors, own)
        if not self.encoder.started:
            self.encoder.started = True
            if needs_catalog(self.encoder):
                likeness = sample_likeness(self) if self.encoder.template.has_pool else None
                start_from_catalog(self.encoder, self.catalog, self.item_vectors, likeness)

    def catalog_vectors(self, name: str) -> np.ndarray:
        """The catalog's own vectors of that name, `[N, width]`.

        Raises:
            ConfigError: the catalog holds none.
        """
        if name not in self.catalog.vectors:
            raise ConfigError(
                f"This model reads the item vectors {name!r} of its catalog. Received: a catalog "
                f"without them. Add them with catalog.with_vectors({name}=array)."
            )
        return self.catalog.vectors[name]

    @property
    def trainable_parameters(self) -> int:
        """How many numbers training changes."""
        return sum(int(np.prod(variable.shape)) for variable in self.trainable_variables)

    @property
    def total_parameters(self) -> int:
        """Those of the frozen backbone and the trained ones; the catalog's vectors are data."""
        return int(self.encoder.loaded.backbone.count_params()) + self.trainable_parameters

    def start_from(self, model: KeptModel, *parts: str) -> list[str]:
        """Takes over what another model has trained, wherever both have a tensor of that name.

        A ranker learns much faster from the prompts and item vectors of the retriever whose
        candidates it judges; a shop's new prompt, from that of its last season.

        Args:
            model: a model on the same backbone. Rows of item ids are taken over only from the
                same catalog, and what stands for the values of a column only where these are the
                same in the same order; the whitening of item vectors comes along with what was
                trained in its space. Nothing is shared: `model` stays as it is.
            *parts: takes over these alone, of the parts that `training_only` knows; "soft" is
                what SPoT does (Vu et al., 2022).

        Returns:
            The names of the tensors that were taken over.

        Raises:
            ConfigError: another backbone, an unknown part, or nothing that both have.

        Example:
            ranker = tp.Ranker(encoder, data.items, "click", collaborative=96)
            ranker.start_from(retriever)
        """
        ours, theirs = self.encoder.loaded, model.encoder.loaded
        if ours.fingerprint != theirs.fingerprint:
            raise ConfigError(
                "A model starts from one on the same backbone. Received: "
                f"{theirs.name} ({theirs.fingerprint[:12]}) for {ours.name} "
                f"({ours.fingerprint[:12]})."
            )
        given = kept_tensors(model)
        if model.catalog.fingerprint != self.catalog.fingerprint:
            given = {name: v for name, v in given.items() if not name.startswith("item_table/ids")}
        other_values = of_other_values(self, model)
        given = {name: v for name, v in given.items() if not name.startswith(other_values)}
        taken = []
        wanted = variables_of(self, check_parts(parts)) if parts else trained_variables(self)
        for name, variable in wanted.items():
            if name in given and given[name].shape == variable.shape:
                variable.assign(given[name])
                taken.append(name)
        if not taken:
            raise ConfigError(
                "Nothing that is trained has the same name and shape in both models. Received: "
                f"templates {model.encoder.template.source!r} and {self.encoder.template.source!r}."
            )
        if any(name.startswith("item_tower/") for name in taken):
            self.item_table.keep_whitening_of(model.item_table)
        for layer in networks(self):
            if any(name.endswith(f"/{layer.name}/prompt") for name in taken):
                layer.assign(layer.prompt)  # as the other has it, folded
        # What was taken over is not to start from the catalog any more.
        self.encoder.taken_over |= {name.split("/")[1] for name in taken if "/" in name}
        return taken

    def get_config(self) -> dict[str, Any]:
        """What `keras.models.load_model` needs: options, catalog, and the backbone's name.

        The frozen backbone is named and fingerprinted, not copied: a `.keras` file holds the
        prompts and the catalog's vectors.
        """
        described = retriever_config.describe(self)
        return {
            "name": self.name, **described, "catalog": retriever_config.describe_catalog(self)
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        """Rebuilds the model around the backbone of that name.

        Raises:
            CheckpointError: the backbone that now goes by that name is another one.
        """
        model: Self = retriever_config.rebuild(cls, config)
        model.encoder.started = True  # its weights come from the file
        return model

    def load_weights(self, filepath: Any, **kwargs: Any) -> None:
        """As in Keras; what was loaded does not start from the catalog again."""
        super().load_weights(filepath, **kwargs)
        self.encoder.started = True

    def save_prompts(
        self,
        directory: str | os.PathLike[str],
        *,
        optimizer: bool = False,
        metrics: dict[str, float] | None = None,
        data: dict[str, Any] | None = None,
    ) -> Path:
        """Writes the trained tensors and a readable description, a megabyte or so.

        Args:
            directory: replaced as a whole, atomically.
            optimizer: also keeps the optimizer's state, to resume training.
            metrics: figures to keep in the description.
            data: where the data came from, to keep in the description.

        Returns:
            The directory.
        """
        return prompt_files.save(self, directory, optimizer=optimizer, metrics=metrics, data=data)

    def export(
        self,
        filepath: str | os.PathLike[str],
        *,
        k: int | None = None,
        format: Literal["saved_model", "litert"] = "saved_model",
        **options: Any,
    ) -> Path:
        """Writes a SavedModel for TensorFlow Serving, or a LiteRT file; see `tfprompt.artifacts`.

        Args:
            filepath: `<name>/<version>` with an integer version, or `<name>.tflite`; must not
                exist.
            k: results of each request, by default 100, on a device 20; a ranker judges what each
                request gives it.
            format: "saved_model", or "litert" for a retriever on a device.
            **options: of `export_saved_model`, as `titles=True`, or of `export_litert`, as
                `quantize="dynamic"`.

        Raises:
            ExportError: the artifact cannot be written, or would fail its first user.
        """
        # Artifacts stand above models: imported when used.
        given: dict[str, Any] = {} if k is None else {"k": k}
        if format == "litert":
            from tfprompt.artifacts.litert import export_litert

            return export_litert(self, filepath, **given, **options)
        if format != "saved_model":
            raise ExportError(f"A format is 'saved_model' or 'litert'. Received: {format!r}.")
        from tfprompt.artifacts.saved_model import export_saved_model

        return export_saved_model(self, filepath, **given, **options)

    def load_prompts(self, directory: str | os.PathLike[str]) -> None:
        """Reads what `save_prompts` wrote; a compiled model gets the optimizer's state too.

        Raises:
            CheckpointError: another backbone, another model, or a damaged file.
        """
        prompt_files.restore(self, directory)

    def summary(self, print_fn: Any = print, **kwargs: Any) -> None:
        """Prints the trained parts and how many parameters are trained and frozen."""
        lines = [
            f"{type(self).__name__} of {len(self.catalog):,} items: {self.encoder.template.source}",
            "",
        ]
        variables = trained_variables(self)
        width = max(map(len, variables), default=0)
        for name, variable in variables.items():
            shape = "×".join(map(str, variable.shape)) or "scalar"
            lines.append(f"  {name:{width}}  {shape:>11}  {int(np.prod(variable.shape)):>9,}")
        frozen = self.total_parameters - self.trainable_parameters
        share = self.trainable_parameters / frozen
        lines += [
            "",
            f"trainable parameters: {self.trainable_parameters:,} ({share:.2%} of the backbone's)",
            f"frozen parameters:    {frozen:,} ({self.encoder.loaded.name}, seam at layer "
            f"{self.encoder.prompt_layer})",
        ]
        print_fn("\n".join(lines))
