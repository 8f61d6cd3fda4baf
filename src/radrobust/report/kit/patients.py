"""The patients of the radiographs, as far as they are known."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from radrobust.report.kit.study import Study


class Patients(NamedTuple):
    """The patients of some samples.

    Attributes
    ----------
    samples, unknown : int
        All of them, and those of an unknown patient.
    patients : int
        Of the others.
    """

    samples: int
    unknown: int
    patients: int


def of(samples: pd.DataFrame) -> Patients:
    """Count the patients of some samples; the column `patient` is empty where none is known."""
    patients = samples["patient"]
    known = patients.notna() & (patients.astype(str) != "")
    return Patients(len(samples), int((~known).sum()), int(patients[known].nunique()))


def everywhere(study: Study) -> Patients:
    """Count the patients of all samples."""
    return of(study.samples.table)


def in_test(study: Study) -> Patients:
    """Count the patients of the test samples."""
    return of(study.samples.table.iloc[study.samples.rows("test")])


def unknown(found: Patients) -> str:
    """Say of how many samples the patient is unknown; nothing where all are known."""
    if not found.unknown:
        return ""
    if found.unknown == found.samples:
        return "the patients are not known"
    return f"the patient is not known for {found.unknown:,} of {found.samples:,} radiographs"
