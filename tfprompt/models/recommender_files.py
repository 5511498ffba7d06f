"""A two-stage recommender on disk: each stage in a directory of its own, and the settings.

```
prompts/shop/
  recommender.json
  retriever/   see `prompt_files`
  ranker/
```
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfprompt._files import atomic_write, read_json, write_json
from tfprompt.errors import CheckpointError
from tfprompt.models.loading import load_single
from tfprompt.models.ranker import Ranker
from tfprompt.models.retriever import Retriever

if TYPE_CHECKING:
    from tfprompt.data.catalog import Catalog
    from tfprompt.encoders.loading import LoadedBackbone
    from tfprompt.models.recommender import Recommender

FORMAT = 1
DESCRIPTION = "recommender.json"


def save(model: Recommender, directory: str | os.PathLike[str]) -> Path:
    """Writes both stages; the directory is replaced as a whole, atomically."""
    with atomic_write(directory) as folder:
        folder.mkdir()
        model.retriever.save_prompts(folder / "retriever")
        if model.ranker is not None:
            model.ranker.save_prompts(folder / "ranker")
        described = {"format": FORMAT, "ranker": model.ranker is not None}
        write_json(folder / DESCRIPTION, {**described, "options": model.options()})
    return Path(directory)


def load(
    directory: str | os.PathLike[str],
    items: Catalog,
    *,
    backbone: str | LoadedBackbone | None = None,
) -> Recommender:
    """Loads what `save` wrote.

    Args:
        directory: where it was written.
        items: the catalog; see `tp.load`.
        backbone: the backbone of both stages, where it no longer goes by the name of training.

    Raises:
        CheckpointError: files are missing or damaged, or the backbone is another one.
    """
    from tfprompt.models.recommender import Recommender

    path = Path(directory) / DESCRIPTION
    try:
        described: Any = read_json(path)
        options, ranked = dict(described["options"]), bool(described["ranker"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"A directory of a recommender holds a readable {DESCRIPTION}. Received: {path}: "
            f"{error!r}."
        ) from error
    if described.get("format") != FORMAT:
        raise CheckpointError(
            f"This version reads recommenders of format {FORMAT}. Received: {path} of format "
            f"{described.get('format')}."
        )
    retriever = load_single(Path(directory) / "retriever", items, backbone=backbone)
    # One backbone in memory for both stages.
    ranker = load_single(
        Path(directory) / "ranker", items, backbone=backbone or retriever.encoder.loaded
    ) if ranked else None  # fmt: skip
    if not isinstance(retriever, Retriever) or not isinstance(ranker, Ranker | None):
        raise CheckpointError(f"The stages in {directory} are not a retriever and a ranker.")
    return Recommender(retriever, ranker, **options)
