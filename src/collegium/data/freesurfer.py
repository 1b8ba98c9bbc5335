"""What FreeSurfer measures of a brain: cortical thickness by region, and volumes.

Regions are those of Destrieux, Fischl, Dale and Halgren, "Automatic parcellation of human cortical
gyri and sulci using standard anatomical nomenclature", NeuroImage 53 (2010), as FreeSurfer names
them. Centers are round numbers for healthy adults: the cortex is 2.5 mm thick on average, thinner
in sulci and in the visual and sensory cortex, thicker in the insula and at the temporal pole
(Fischl and Dale, PNAS 2000); volumes are of the usual size of each structure. None was computed
from anybody's rows.
"""

from __future__ import annotations

from collegium.data.table import Feature, Schema

_REGIONS = """
    G&S_frontomargin G&S_occipital_inf G&S_paracentral G&S_subcentral G&S_transv_frontopol
    G&S_cingul-Ant G&S_cingul-Mid-Ant G&S_cingul-Mid-Post G_cingul-Post-dorsal
    G_cingul-Post-ventral G_cuneus G_front_inf-Opercular G_front_inf-Orbital
    G_front_inf-Triangul G_front_middle G_front_sup G_Ins_lg&S_cent_ins G_insular_short
    G_occipital_middle G_occipital_sup G_oc-temp_lat-fusifor G_oc-temp_med-Lingual
    G_oc-temp_med-Parahip G_orbital G_pariet_inf-Angular G_pariet_inf-Supramar G_parietal_sup
    G_postcentral G_precentral G_precuneus G_rectus G_subcallosal G_temp_sup-G_T_transv
    G_temp_sup-Lateral G_temp_sup-Plan_polar G_temp_sup-Plan_tempo G_temporal_inf
    G_temporal_middle Lat_Fis-ant-Horizont Lat_Fis-ant-Vertical Lat_Fis-post Pole_occipital
    Pole_temporal S_calcarine S_central S_cingul-Marginalis S_circular_insula_ant
    S_circular_insula_inf S_circular_insula_sup S_collat_transv_ant S_collat_transv_post
    S_front_inf S_front_middle S_front_sup S_interm_prim-Jensen S_intrapariet&P_trans
    S_oc_middle&Lunatus S_oc_sup&transversal S_occipital_ant S_oc-temp_lat
    S_oc-temp_med&Lingual S_orbital_lateral S_orbital_med-olfact S_orbital-H_Shaped
    S_parieto_occipital S_pericallosal S_postcentral S_precentral-inf-part
    S_precentral-sup-part S_suborbital S_subparietal S_temporal_inf S_temporal_sup
    S_temporal_transverse MeanThickness
"""
REGIONS = tuple(_REGIONS.split())

THIN = ("cuneus", "Lingual", "calcarine", "Pole_occipital", "G_postcentral", "occipital_sup")
THICK = (
    "G_Ins",
    "G_insular",
    "Pole_temporal",
    "Parahip",
    "Plan_polar",
    "G_temporal",
    "subcallosal",
)
SPREAD = 0.25
"""Millimeters: about one standard deviation between healthy adults in one region."""

PAIRED = {
    "Lateral-Ventricle": (8000, 5000), "Inf-Lat-Vent": (400, 200),
    "Cerebellum-White-Matter": (14_000, 2500), "Cerebellum-Cortex": (55_000, 7000),
    "Thalamus-Proper": (7500, 900), "Caudate": (3700, 500), "Putamen": (5500, 700),
    "Pallidum": (1900, 250), "Hippocampus": (4000, 450), "Amygdala": (1600, 250),
    "Accumbens-area": (600, 120), "VentralDC": (4000, 500), "vessel": (50, 50),
    "choroid-plexus": (500, 200),
}  # fmt: skip
"""Structures that there are on both sides: center and scale in mm³."""

SINGLE = {
    "3rd-Ventricle": (1000, 400), "4th-Ventricle": (1800, 600), "Brain-Stem": (21_000, 2500),
    "CSF": (1000, 250), "WM-hypointensities": (1200, 1000), "Optic-Chiasm": (200, 60),
    "CC_Posterior": (950, 160), "CC_Mid_Posterior": (500, 110), "CC_Central": (550, 140),
    "CC_Mid_Anterior": (550, 140), "CC_Anterior": (900, 160),
}  # fmt: skip

WHOLE = {
    "BrainSegVol": (1_150_000, 120_000), "BrainSegVolNotVent": (1_130_000, 120_000),
    "BrainSegVolNotVentSurf": (1_130_000, 120_000), "eTIV": (1_500_000, 200_000),
    "lhCortexVol": (240_000, 26_000), "rhCortexVol": (240_000, 26_000),
    "CortexVol": (480_000, 52_000), "lhCerebralWhiteMatterVol": (230_000, 28_000),
    "rhCerebralWhiteMatterVol": (230_000, 28_000), "CerebralWhiteMatterVol": (460_000, 56_000),
    "SubCortGrayVol": (60_000, 6000), "TotalGrayVol": (650_000, 66_000),
    "SupraTentorialVol": (1_000_000, 100_000), "SupraTentorialVolNotVent": (1_000_000, 100_000),
    "SupraTentorialVolNotVentVox": (1_000_000, 100_000),
}  # fmt: skip
RATIOS = {"BrainSegVol-to-eTIV": (0.75, 0.07)}

HEMISPHERES = {"lh": "left", "rh": "right"}


def usual_thickness(region: str) -> float:
    """Return how thick the cortex of a region is in healthy adults, in mm to about a quarter."""
    if region == "MeanThickness":
        return 2.5
    if any(word in region for word in THIN):
        return 1.9
    if any(word in region for word in THICK):
        return 3.0
    return 2.25 if region.startswith("S_") else 2.6


def _volume(name: str, title: str, size: tuple[float, float], unit: str = "mm³") -> Feature:
    return Feature(name, title, "numeric", unit, float(size[0]), float(size[1]))


SCHEMA = Schema(
    features=(
        *(
            Feature(
                f"{code}_{region}_thickness", f"thickness of the cortex, {side} {region}",
                "numeric", "mm", usual_thickness(region), SPREAD,
            )
            for code, side in HEMISPHERES.items()
            for region in REGIONS
        ),
        *(
            _volume(f"{side}-{name}", f"volume, {side.lower()} {name}", size)
            for side in ("Left", "Right")
            for name, size in PAIRED.items()
        ),
        *(_volume(name, f"volume, {name}", size) for name, size in (SINGLE | WHOLE).items()),
        *(_volume(name, f"ratio {name}", size, "") for name, size in RATIOS.items()),
    ),
    target="sex",
    task="binary",
    classes=("female", "male"),
    positive="male",
)  # fmt: skip
"""205 columns of the table: those that vary between persons and are not about quality."""
