"""The six characters of which the casts are made."""

from __future__ import annotations

from scripts.drawing.head import Look

NORA = Look(
    name="Nora", skin=("#9c6341", "#673624", "#d79c6f", "#ac4530"), hair=("#1d1214", "#38221f", "#7a4c38"),
    hair_style="curls", outfit="turtleneck", cloth=("#e0a030", "#b87416"), iris="#5a3420", lips=("#7e3733", "#a44f48"),
    brow="#24161a", jaw=1.0, chin=0.4, cheek=1.17, lip_fullness=1.25, nose_width=0.225, earrings="#f3c75a",
)  # fmt: skip
THEO = Look(
    name="Theo", skin=("#eebb9b", "#c07f66", "#fde0c6", "#df6f58"), hair=("#7d7f88", "#bdbec4", "#f6f5f2"),
    hair_style="swept", outfit="cardigan", cloth=("#2f6f73", "#f3ead9"), iris="#4d7fa3", lips=("#b8695c", "#cf8375"),
    brow="#85858b", cheek=1.2, jaw=1.09, chin=0.5, chin_y=1.87, neck=0.7, shoulder=2.2, eye_open=0.88, lashes=0.3,
    brow_weight=1.3, nose_width=0.22, lip_fullness=0.82, age=1.0, glasses="#5a3b2c",
)  # fmt: skip
JUNE = Look(
    name="June", skin=("#f3c9a3", "#cf9271", "#ffe7cc", "#ea7f6d"), hair=("#120f16", "#262230", "#66607a"),
    hair_style="bob", outfit="blouse", cloth=("#d9604c", "#f6e4d2"), iris="#46291c", lips=("#b8474c", "#d5666a"),
    brow="#2b2228", jaw=0.98, chin=0.38, cheek=1.17, chin_y=1.76, eye_tilt=0.055, eye_open=0.9, nose_width=0.19,
)  # fmt: skip
RAVI = Look(
    name="Ravi", skin=("#bf8459", "#87512f", "#e3b182", "#bd5a42"), hair=("#130e0f", "#2a1f1d", "#665047"),
    hair_style="quiff", outfit="shirt", cloth=("#5d7f58", "#eef0e2"), iris="#3d2417", lips=("#8f4f43", "#b06c5c"),
    brow="#1c1414", cheek=1.19, jaw=1.08, chin=0.47, chin_y=1.84, neck=0.68, shoulder=2.2, lashes=0.45, brow_weight=1.4,
    nose_width=0.215, lip_fullness=0.95,
)  # fmt: skip
INGRID = Look(
    name="Ingrid", skin=("#f7cfb7", "#d89880", "#fff0e2", "#ee8672"), hair=("#7e3416", "#c05f2a", "#f5ab62"),
    hair_style="waves", outfit="turtleneck", cloth=("#4a5f95", "#33457a"), iris="#4f8a6a", lips=("#c05a57", "#dd7d76"),
    brow="#9a5530", jaw=1.0, chin=0.4, cheek=1.17, freckles=True, eye_open=1.05,
)  # fmt: skip
VERA = Look(
    name="Vera", skin=("#d9a483", "#a56c50", "#f2cdae", "#cf6855"), hair=("#9a93a0", "#d9d4dc", "#ffffff"),
    hair_style="bun", outfit="blouse", cloth=("#7d5a94", "#efe3f2"), iris="#5b4632", lips=("#ac4f58", "#c66d73"),
    brow="#8d848e", jaw=1.0, chin=0.42, chin_y=1.78, age=0.9, lip_fullness=0.88, earrings="#f4efe6", lashes=0.7,
)  # fmt: skip

CAST: tuple[Look, ...] = (NORA, THEO, JUNE, RAVI, INGRID, VERA)
