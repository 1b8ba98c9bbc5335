"""Resources and signals to feed a gateway: synthetic patients, devices at home, and waveforms.

Twenty patients that Synthea made up (FHIR R4, a transaction bundle each), the examples of HL7's
Personal Health Device guide (observations of pulse, oxygen, pressure and glucose, with their
devices), and records of PhysioNet that the wfdb package has as samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from collegium.data.collection import Collection
from collegium.data.table import SourceFile

NAME = "fhir_samples"

LISTED = Path(__file__).with_suffix(".sha256")
"""Digest and name of every file, in the form of ``sha256sum``."""

PLACES = {
    "synthea_r4": "smart-on-fhir/generated-sample-data/25ac8089f046/R4/SYNTHEA",
    "hl7-phd-examples": "HL7/phd/5af8412f26a4/input/examples",
    "waveforms": "MIT-LCP/wfdb-python/6850ad1aa0c1/sample-data",
}
"""Where the files of each folder are in public repositories, at which commit."""


def listed() -> Iterator[SourceFile]:
    """Yield every file with its digest and its address."""
    for line in LISTED.read_text("utf-8").splitlines():
        digest, name = line.split("  ")
        folder, _, last = name.partition("/")
        address = f"https://raw.githubusercontent.com/{PLACES[folder]}/{quote(last)}"
        yield SourceFile(name, digest, address)


FHIR_SAMPLES = Collection(
    name=NAME,
    title="FHIR bundles of 20 made-up patients, devices, waveforms",
    license="Apache-2.0; none stated; ODC-By",
    citation=(
        "Walonoski, J. et al. (2018). Synthea. JAMIA 25, 230-238. HL7 Personal Health Device "
        "Implementation Guide. Moody, G. B. & Mark, R. G. (2001). The impact of the MIT-BIH "
        "Arrhythmia Database. IEEE Engineering in Medicine and Biology 20, 45-50. Goldberger, A. "
        "et al. (2000). PhysioBank, PhysioToolkit, and PhysioNet. Circulation 101, e215-e220"
    ),
    url="https://github.com/smart-on-fhir/generated-sample-data",
    folder=NAME,
    files=tuple(listed()),
)
"""As `collegium list data` and `collegium fetch` name it: ``fhir_samples``."""
