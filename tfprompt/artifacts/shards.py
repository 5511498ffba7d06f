"""The variables of an artifact in two files: the frozen network, and all else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import tensorflow as tf

from tfprompt._files import sha256

FROZEN_INDEX = Path("assets.extra") / "backbone.index"
_PREFIX = Path("variables") / "variables"


def split_variables(version: Path) -> None:
    """Rewrites the variables of a version: file 0 holds the frozen network, file 1 all else.

    Versions of one model then differ in the second file alone, and may share the first one on
    disk. The index of the first is kept in `assets.extra`, so that another version can be put
    together without reading the network's bytes.

    Args:
        version: the directory of a version.
    """
    prefix = version / _PREFIX
    reader = tf.train.load_checkpoint(str(prefix))
    names = sorted(reader.get_variable_to_shape_map())
    frozen = [name for name in names if name.startswith("backbone/")]
    if not frozen:
        return
    folder = version / "variables.split"
    folder.mkdir()
    try:
        write_bundle(folder / "0", {name: reader.get_tensor(name) for name in frozen})
        others = {n: reader.get_tensor(n) for n in names if not n.startswith("backbone/")}
        write_bundle(folder / "1", others)
        (version / FROZEN_INDEX).parent.mkdir(exist_ok=True)
        shutil.copyfile(f"{folder / '0'}.index", version / FROZEN_INDEX)
        shutil.rmtree(version / "variables")
        merge_bundles([folder / "0", folder / "1"], prefix)
        write_fingerprint(version)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_bundle(prefix: Path, tensors: dict) -> None:
    """Writes tensors by name as `prefix.index` and `prefix.data-00000-of-00001`."""
    names = sorted(tensors)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=names,
        shape_and_slices=[""] * len(names),
        tensors=[tf.convert_to_tensor(tensors[name]) for name in names],
    )


def merge_bundles(parts: list[Path], prefix: Path) -> None:
    """One index over the files of several bundles, which are moved and not copied."""
    prefix.parent.mkdir(exist_ok=True)
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[str(part) for part in parts],
        destination_prefix=str(prefix),
        delete_old_dirs=False,
    )


def write_fingerprint(version: Path) -> None:
    """Writes TensorFlow's own fingerprint of a version whose variables have changed."""
    from tensorflow.python.saved_model import fingerprinting_utils

    fingerprinting_utils.write_fingerprint(str(version))


def frozen_file(version: Path) -> Path:
    """The file of a version that holds the frozen network alone."""
    return version / f"{_PREFIX}.data-00000-of-00002"


def share_frozen(version: Path, other: Path) -> bool:
    """Shares the file of the frozen network with another version, if it is the same.

    Args:
        version: a version that was just written.
        other: one that stays as it is.

    Returns:
        Whether it was the same.
    """
    own, others = frozen_file(version), frozen_file(other)
    if not (own.is_file() and others.is_file()) or sha256(own) != sha256(others):
        return False
    own.unlink()
    share(others, own)
    return True


def share(source: Path, target: Path) -> None:
    """A hard link where the file system has them, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
