"""From files to checked tables, splits and batches. Nothing here loads TensorFlow."""

from tfprompt.data.batches import number_of_batches, request_batches, training_batches
from tfprompt.data.catalog import Catalog
from tfprompt.data.column import Column
from tfprompt.data.dataset import Dataset
from tfprompt.data.facts import facts
from tfprompt.data.few import few_shot
from tfprompt.data.items import read_items
from tfprompt.data.named import load, names
from tfprompt.data.reading import read
from tfprompt.data.report import CleaningReport, CleaningStep
from tfprompt.data.request import Request
from tfprompt.data.requests import Requests
from tfprompt.data.sequences import Sequences
from tfprompt.data.split import Split

__all__ = [
    "Catalog",
    "CleaningReport",
    "CleaningStep",
    "Column",
    "Dataset",
    "Request",
    "Requests",
    "Sequences",
    "Split",
    "facts",
    "few_shot",
    "load",
    "names",
    "number_of_batches",
    "read",
    "read_items",
    "request_batches",
    "training_batches",
]
