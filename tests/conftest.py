"""What every test shares: Hypothesis sets no deadlines, because speed is no matter of tests."""

from hypothesis import settings

settings.register_profile("collegium", deadline=None)
settings.load_profile("collegium")
