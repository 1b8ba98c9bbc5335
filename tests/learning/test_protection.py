"""Protections: what a site publishes for an encoded update."""

import numpy as np

from collegium import plugins
from collegium.learning.protection import NONE, Protection


def test_without_protection_the_update_itself_is_published() -> None:
    protection: Protection = plugins.find("protections", "none")
    assert protection is NONE
    assert (protection.name, protection.plain) == ("none@1", True)
    values = np.array([1, -2], np.int16)
    assert protection.protect(values).tolist() == [1, -2]
