"""The columns of the heart disease data that a model uses, with their reference values.

Centers and scales are round numbers from clinical practice, fixed here; none was computed from
these patients:

- age: 55 years, by the decade: the middle of the ages at which coronary angiography is done.
- resting blood pressure: 130 mm Hg is where hypertension begins (ACC/AHA 2017), and each
  20 mm Hg double vascular mortality (Prospective Studies Collaboration 2002).
- cholesterol: under 200 mg/dl is desirable, the next 40 are borderline (NCEP ATP III 2001).
- largest heart rate: 150 a minute, about nine tenths of 220 - age at 55 (tests aim at 85 % or
  more), by 25, twice the spread around that rule of thumb.
- ST depression: 1 mm is the usual criterion of a positive exercise test.

A cholesterol or blood pressure of 0 in these files means "not measured" (all of Switzerland and
a part of Long Beach). FLamby's protocol keeps such rows as they are, and so do we.
"""

from __future__ import annotations

from collegium.data.table import Category, Feature, Schema

SCHEMA = Schema(
    features=(
        Feature("age", "age", "numeric", "years", center=55.0, scale=10.0),
        Feature("sex", "sex (1 male, 0 female)", "binary"),
        Feature(
            "cp",
            "type of chest pain",
            "categorical",
            categories=(
                Category("1", "typical angina"),
                Category("2", "atypical angina"),
                Category("3", "non-anginal pain"),
                Category("4", "asymptomatic"),
            ),
        ),
        Feature(
            "trestbps",
            "resting blood pressure on admission",
            "numeric",
            "mm Hg",
            center=130.0,
            scale=20.0,
        ),
        Feature("chol", "serum cholesterol", "numeric", "mg/dl", center=200.0, scale=40.0),
        Feature("fbs", "fasting blood sugar above 120 mg/dl (1 yes, 0 no)", "binary"),
        Feature(
            "restecg",
            "resting electrocardiogram",
            "categorical",
            categories=(
                Category("0", "normal"),
                Category("1", "ST-T wave abnormality"),
                Category("2", "probable or definite left ventricular hypertrophy"),
            ),
        ),
        Feature(
            "thalach",
            "largest heart rate at exercise",
            "numeric",
            "beats per minute",
            center=150.0,
            scale=25.0,
        ),
        Feature("exang", "angina induced by exercise (1 yes, 0 no)", "binary"),
        Feature(
            "oldpeak",
            "ST depression by exercise relative to rest",
            "numeric",
            "mm",
            center=1.0,
            scale=1.0,
        ),
    ),
    target="num",
    task="binary",
    classes=("absent", "present"),
    positive="coronary disease: a major vessel narrowed by more than half of its diameter",
)
"""Ten columns, thirteen inputs; the target is the diagnosis 0 (absent) or 1-4 (present)."""
