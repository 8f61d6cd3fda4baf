"""Tables of the radiographs that were read, audited and split."""

from __future__ import annotations

from radrobust.core import paths
from radrobust.core.tables.schema import LABEL, SAMPLE, Column, Table

_READ = (
    Column("patient", "str", "running number of whose radiograph it is; empty if not known"),
    Column("official", "str", "where the dataset's authors put it: train, val, test, or empty"),
    Column("width", "int32", "of the radiograph as read, in pixels"),
    Column("height", "int32", "of the radiograph as read, in pixels"),
    Column("mode", "str", "Pillow's name of the file's pixel format, such as L or RGB"),
    Column("truncated", "bool", "whether the file ends early; what is missing is black or grey"),
    Column("file_bytes", "int64", "size of the file; 0 where it is drawn"),
    Column("mean_grey", "float32", "of the radiograph as read, 0 to 255"),
    Column("border", "float32", "share of its rim that is one flat grey, 0 to 1"),
    Column("extent", "object", "[x0, y0, x1, y1], where it lies in the square frame"),
    Column("regions", "int16", "how many findings are marked"),
    Column("boxes", "object", "a list of [x0, y0, x1, y1] in pixels of the square frame"),
    Column("mask_area", "float32", "share of the square frame that the mask covers, 0 to 1"),
    Column("note", "str", "faults found while reading, in words"),
)

FILMS = Table(
    "films",
    paths.FILMS / "films.parquet",
    "a radiograph that could be read",
    (
        SAMPLE,
        LABEL,
        Column("picture", "str", "SHA-256 of its pixels, by which copies are found"),
        *_READ,
    ),
    ("sample_id",),
    more="subgroup_",
)
UNREADABLE = Table(
    "unreadable",
    paths.FILMS / "unreadable.parquet",
    "a radiograph that could not be read",
    (SAMPLE, LABEL, Column("fault", "str", "why, in words")),
    ("sample_id",),
)
SAMPLES = Table(
    "samples",
    paths.SAMPLES / "samples.parquet",
    "a sample",
    (
        SAMPLE,
        LABEL,
        Column("split", "str", "train, val or test"),
        Column("group", "str", "name of the first of the samples that stay together"),
        *_READ,
    ),
    ("sample_id",),
    more="subgroup_",
)
FAULTS = Table(
    "audit-faults",
    paths.AUDIT / "faults.parquet",
    "a radiograph and something about it that a reader should know",
    (
        SAMPLE,
        Column("kind", "str", "of fault, such as truncated"),
        Column("fault", "str", "what was found, in words"),
        Column("done", "str", "what was done about it, in words"),
    ),
    (),
)
PAIRS = Table(
    "audit-pairs",
    paths.AUDIT / "pairs.parquet",
    "two radiographs that show the same",
    (
        Column("one", "str", "name of the one"),
        Column("other", "str", "name of the other"),
        Column("picture", "bool", "whether they agree pixel by pixel"),
        Column("correlation", "float32", "of their thumbnails, in [-1, 1]"),
        Column("mirrored", "bool", "whether one is the mirror image of the other"),
    ),
    ("one", "other"),
)
PROBES = Table(
    "audit-probes",
    paths.AUDIT / "probes.parquet",
    "something that is no finding, by which the label is told",
    (
        Column("probe", "str", "what is looked at"),
        Column("auroc", "float64", "of a small model that sees nothing else; .5 is chance"),
        Column("low", "float64", "lower end of its interval", optional=True),
        Column("high", "float64", "upper end of its interval", optional=True),
        Column("films", "int64", "number of radiographs"),
    ),
    ("probe",),
)
