"""The columns of the eICU demo that a model uses: what APACHE IV knows on the first day.

They are the acute physiology, age, chronic health and source of admission of APACHE IV
(Zimmerman, Kramer, McNair and Malila, Critical Care Medicine 2006). What was not measured counts
as normal there, and does here; whether it was measured is a column of its own, since a test that
nobody ordered says something.

Centers are values of a healthy adult, scales round numbers near what one more APACHE point or
two need; none was computed from these patients. Values beyond `bounds` are set to the bound, so
that a slip of a decimal point moves nobody's model.
"""

from __future__ import annotations

from dataclasses import dataclass

from collegium.data.table import Category, Feature, Schema


@dataclass(frozen=True, slots=True)
class Measurement:
    """A first day's worst value: its column, words, unit, normal value, scale and bounds."""

    name: str
    title: str
    unit: str
    normal: float
    scale: float
    bounds: tuple[float, float]


MEASUREMENTS = (
    Measurement("urine", "urine output of 24 hours", "ml", 2000, 1000, (0, 5000)),
    Measurement("wbc", "white blood cells", "1000/µl", 8, 8, (0, 40)),
    Measurement("temperature", "temperature", "°C", 37, 1, (30, 42)),
    Measurement("respiratoryrate", "respiratory rate", "breaths per minute", 20, 10, (0, 60)),
    Measurement("sodium", "serum sodium", "mmol/l", 140, 5, (110, 170)),
    Measurement("heartrate", "heart rate", "beats per minute", 80, 25, (0, 220)),
    Measurement("meanbp", "mean arterial pressure", "mm Hg", 90, 30, (0, 200)),
    Measurement("ph", "arterial pH", "", 7.4, 0.1, (6.8, 7.8)),
    Measurement("hematocrit", "hematocrit", "%", 40, 8, (10, 60)),
    Measurement("creatinine", "serum creatinine", "mg/dl", 1, 1, (0, 8)),
    Measurement("albumin", "serum albumin", "g/dl", 4, 0.7, (1, 6)),
    Measurement("pao2", "arterial oxygen tension", "mm Hg", 90, 50, (0, 500)),
    Measurement("pco2", "arterial carbon dioxide tension", "mm Hg", 40, 12, (10, 100)),
    Measurement("bun", "blood urea nitrogen", "mg/dl", 15, 20, (0, 120)),
    Measurement("glucose", "glucose", "mg/dl", 120, 80, (0, 500)),
    Measurement("bilirubin", "bilirubin", "mg/dl", 0.7, 2, (0, 15)),
    Measurement("fio2", "inspired oxygen", "%", 21, 30, (21, 100)),
)

BLOOD_GAS = ("pao2", "pco2", "fio2")
"""Measured together with the pH, which tells of all four whether they were."""

GLASGOW = (("eyes", "eye opening", 4), ("motor", "motor response", 6), ("verbal", "speech", 5))
"""The Glasgow coma scale: column, words, best value."""

TREATMENTS = (
    ("intubated", "intubated at the time of the worst blood gas"),
    ("vent", "ventilated on the first day"),
    ("dialysis", "on dialysis"),
)

CHRONIC = (
    ("aids", "AIDS"),
    ("hepaticfailure", "hepatic failure"),
    ("lymphoma", "lymphoma"),
    ("metastaticcancer", "metastatic cancer"),
    ("leukemia", "leukemia"),
    ("immunosuppression", "immunosuppression"),
    ("cirrhosis", "cirrhosis"),
    ("electivesurgery", "admitted after elective surgery"),
)

SOURCES = {
    "emergency": ("emergency department, or not told", ()),
    "floor": ("a ward", ("Floor", "Acute Care/Floor", "Step-Down Unit (SDU)")),
    "theatre": ("an operating or recovery room", ("Operating Room", "Recovery Room", "PACU")),
    "direct": ("directly", ("Direct Admit", "Chest Pain Center")),
    "hospital": ("another hospital or unit", ("Other Hospital", "Other ICU", "ICU")),
}
"""Where a patient comes from: words, and the names in the table. The first takes what is left."""

_NAMES = {one.name: one for one in MEASUREMENTS}
MEASURED = tuple(name for name in _NAMES if name not in BLOOD_GAS)
"""Columns with a column ``…_measured`` beside them."""

SCHEMA = Schema(
    features=(
        Feature("age", "age (90 above 89)", "numeric", "years", center=65.0, scale=15.0),
        Feature("male", "sex (1 male, 0 female or unknown)", "binary"),
        *(Feature(name, f"{title} (1 yes, 0 no)", "binary") for name, title in TREATMENTS),
        *(
            Feature(
                name, f"Glasgow coma scale, {title} ({best} where not tested)", "numeric",
                "points", center=float(best), scale=float(best - 1),
            )
            for name, title, best in GLASGOW
        ),
        Feature("glasgow_measured", "the Glasgow coma scale was tested (1 yes, 0 no)", "binary"),
        *(
            Feature(
                one.name, f"{one.title}, worst of the first day ({one.normal:g} if not measured)",
                "numeric", one.unit, center=float(one.normal), scale=float(one.scale),
            )
            for one in MEASUREMENTS
        ),
        *(
            Feature(
                f"{name}_measured", f"{_NAMES[name].title} was measured (1 yes, 0 no)", "binary"
            )
            for name in MEASURED
        ),
        *(Feature(name, f"{title} (1 yes, 0 no)", "binary") for name, title in CHRONIC),
        Feature(
            "source", "admitted to the unit from", "categorical",
            categories=tuple(Category(code, words) for code, (words, _) in SOURCES.items()),
        ),
    ),
    target="hospital_mortality",
    task="binary",
    classes=("alive", "expired"),
    positive="died in the hospital stay to which the stay in the unit belongs",
)  # fmt: skip
