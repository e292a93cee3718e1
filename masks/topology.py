"""Index groups of MediaPipe's 478-point face mesh. Left and right are the person's own: mirrored in the picture."""

from __future__ import annotations

LIPS_OUTER: tuple[int, ...] = (
    61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146,
)  # fmt: skip
"""Outer edge of the lips: right corner, upper lip to the left corner, back along the lower lip."""

LIPS_INNER: tuple[int, ...] = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip
"""Inner edge of the lips, in the order of :data:`LIPS_OUTER`."""

LIPS_INNER_UPPER: tuple[int, ...] = LIPS_INNER[:11]
"""Right corner to left corner along the upper lip."""

LIPS_INNER_LOWER: tuple[int, ...] = (LIPS_INNER[0], *reversed(LIPS_INNER[11:]), LIPS_INNER[10])
"""Right corner to left corner along the lower lip; faces :data:`LIPS_INNER_UPPER` index by index."""

RIGHT_EYE_RING: tuple[int, ...] = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
"""Edge of the eyelids: lower lid from the outer to the inner corner (9 points), then the upper lid (7 points)."""

LEFT_EYE_RING: tuple[int, ...] = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)
"""The same for the left eye."""

RIGHT_EYE_SKIN: tuple[int, ...] = (
    130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
    226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
)  # fmt: skip
"""Two rings of 16 points around the eyelids, each in the order of :data:`RIGHT_EYE_RING`, going outwards."""

LEFT_EYE_SKIN: tuple[int, ...] = (
    359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
    446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
)  # fmt: skip
"""The same for the left eye."""

RIGHT_EYE: tuple[int, ...] = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
"""Edge of the eyelids as a closed polygon."""

LEFT_EYE: tuple[int, ...] = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
"""Edge of the eyelids as a closed polygon."""

RIGHT_EYE_CORNERS: tuple[int, int] = (33, 133)
"""Outer and inner corner."""

LEFT_EYE_CORNERS: tuple[int, int] = (362, 263)
"""Inner and outer corner: both pairs run from left to right in the picture."""

RIGHT_IRIS: tuple[int, ...] = (468, 469, 470, 471, 472)
"""Centre, then the rim: towards the nose, top, away from the nose, bottom."""

LEFT_IRIS: tuple[int, ...] = (473, 476, 475, 474, 477)
"""The same for the left eye."""

RIGHT_BROW: tuple[int, ...] = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
"""Upper edge from the outer end inwards, then the lower edge back."""

LEFT_BROW: tuple[int, ...] = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)

FACE_OVAL: tuple[int, ...] = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
"""Outline of the mesh from the top of the forehead down the left side to the chin (152) and up the right side."""

JAW: tuple[int, ...] = FACE_OVAL[8:29]
"""Outline from ear to ear below: left ear, chin, right ear."""

NOSE_BRIDGE: tuple[int, ...] = (168, 6, 197, 195, 5, 4)
NOSE_TIP = 1
FOREHEAD_TOP = 10
CHIN = 152
LEFT_CHEEK_EDGE = 454
RIGHT_CHEEK_EDGE = 234
