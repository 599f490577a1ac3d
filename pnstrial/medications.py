"""Which medication records are an immunotherapy, and which are the trial's own treatment?

Input: the medication and infusion tables, and the lists of the protocol.
Output: each record with its classes and what it counts for.
Protocol section: medications, treatment.
Method: a well-formed ATC code wins over the name; a drug of the protocol is known by its other names, else by its
class.
Next: `eligibility`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from pnstrial.data.arguments import trial_and_protocol
from pnstrial.exposure import infusions_of
from pnstrial.numerics.signatures import check_signature
from pnstrial.vocabulary import bare_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pnstrial.data import TrialData
    from pnstrial.protocol import Protocol
    from pnstrial.vocabulary import Medications

__all__ = ["classify_medications", "medication_classes"]

CHECKPOINT: Final = "checkpoint inhibitor"


def medication_classes(name: str, atc: str | None, medications: Medications) -> frozenset[str] | None:
    """Tell which immunotherapy a medication is.

    Parameters
    ----------
    name : str
        As recorded; matched as whole words, without case and accents.
    atc : str or None
        ATC code; if well formed it wins over the name.
    medications : Medications
        The lists of the protocol.

    Returns
    -------
    frozenset of str or None
        Immunotherapy classes; empty if the medication is known not to be one; None if it cannot be told (no list
        has the name, or the code is only the beginning of an immunotherapy's).

    Examples
    --------
    >>> from pnstrial.protocol import load_protocol
    >>> lists = load_protocol("nct02343211").medications
    >>> medication_classes("Échanges plasmatiques", None, lists)
    frozenset({'plasma exchange'})
    >>> medication_classes("insuline", None, lists), medication_classes("herbal tea", None, lists)
    (frozenset(), None)
    """
    check_signature(medication_classes, locals())
    return medications.classes(name, atc)


def classify_medications(trial: TrialData, protocol: Protocol) -> pd.DataFrame:
    """Classify every medication record under the protocol's vocabulary.

    Parameters
    ----------
    trial : TrialData
    protocol : Protocol

    Returns
    -------
    pandas.DataFrame
        The medication table with ``classes`` (joined by ", "), and the flags ``unclassed`` (no list covers it, or
        its code leaves it open), ``open`` (unclassed, indication pns or blank: may be an immunotherapy),
        ``trial_own`` (indication trial, or a drug of the protocol that starts on one of its infusion days of the
        patient: ignored), ``drug`` (the drug of the protocol that such a record is, else None), ``counts``
        (immunotherapy for the syndrome, or a checkpoint inhibitor: counts for E1) and ``counts_as_rescue``
        (immunotherapy for the syndrome, a checkpoint inhibitor never).

    Examples
    --------
    >>> import pnstrial as pns
    >>> found = classify_medications(pns.example_trial(), pns.load_protocol())
    >>> found[found["counts"]][["patient_id", "medication", "classes", "counts_as_rescue"]].head(2)
         patient_id       medication               classes  counts_as_rescue
    line
    6        BES-01  plasma exchange       plasma exchange              True
    16       MAR-02    pembrolizumab  checkpoint inhibitor             False
    """
    trial, protocol = trial_and_protocol(trial, protocol)
    frame = trial.medications
    keys = list(zip(frame["medication"], frame["atc"], strict=True))
    classes_of = {key: protocol.medications.classes(*key) for key in set(keys)}
    classes = [classes_of[key] for key in keys]
    for_syndrome = frame["indication"].isna() | (frame["indication"] == "pns")
    unclassed = np.array([group is None for group in classes], dtype=bool)
    checkpoint = np.array([bool(group) and CHECKPOINT in (group or ()) for group in classes], dtype=bool)
    beyond_checkpoint = np.array(
        [bool((group or frozenset()) - {CHECKPOINT}) for group in classes], dtype=bool
    )
    drugs = _drugs_of_the_trial(trial, protocol, keys, classes)
    own = (frame["indication"] == "trial").to_numpy() | np.array(
        [drug is not None for drug in drugs[1]], dtype=bool
    )
    trial_drug = np.where((frame["indication"] == "trial").to_numpy(), drugs[0], drugs[1])
    frame["classes"] = np.array(
        [", ".join(sorted(group)) if group else "" for group in classes], dtype=object
    )
    frame["unclassed"] = unclassed
    frame["open"] = unclassed & for_syndrome.to_numpy() & ~own
    frame["trial_own"] = own
    frame["drug"] = pd.Series(trial_drug, index=frame.index, dtype=object)
    frame["counts_as_rescue"] = beyond_checkpoint & for_syndrome.to_numpy() & ~own
    frame["counts"] = (frame["counts_as_rescue"] | checkpoint) & ~own
    return frame


def _drugs_of_the_trial(
    trial: TrialData,
    protocol: Protocol,
    records: list[tuple[str, str | None]],
    classes: list[frozenset[str] | None],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Say which drug of the protocol each record is, and which of these start on a day of that drug's infusions."""
    frame, infusions = trial.medications, infusions_of(trial, protocol)
    given = infusions[infusions["dose_g"] > 0]
    started = pd.MultiIndex.from_arrays([frame["patient_id"], frame["start_date"]])
    meant = np.full(len(frame), None, dtype=object)
    on_the_day = meant.copy()
    for drug in protocol.drugs:
        own_classes = protocol.medications.classes(drug.name, None)
        names = [bare_words(name) for name in drug.names or (() if own_classes else (drug.name,))]
        named = [any(name in bare_words(medication) for name in names) for medication, _ in records]
        among = [bool(own_classes) and (group or frozenset()) >= own_classes for group in classes]
        exactly = [bool(own_classes) and group == own_classes for group in classes]
        days = given[given["drug"] == drug.name]
        infused = started.isin(pd.MultiIndex.from_arrays([days["patient_id"], days["date"]]))
        meant[np.array(named if names else among, dtype=bool)] = drug.name
        same = np.array(named if names else exactly, dtype=bool)
        on_the_day[same & infused & frame["start_date"].notna().to_numpy()] = drug.name
    return meant, on_the_day
