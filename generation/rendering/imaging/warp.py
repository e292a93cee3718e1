"""Dense warps over a coarse grid, their inverse by damped Newton steps, and backward sampling of the picture.

The picture is sampled where the inverse of the motion points to (backward warping), so that no holes appear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

_STEPS = 6
_DAMPING = 0.05


@dataclass(frozen=True)
class Grid:
    """Nodes ``stride`` pixels apart over a box whose first pixel is (left, top); rows x columns nodes.

    The box covers ``(columns - 1) * stride + 1`` by ``(rows - 1) * stride + 1`` pixels; node (0, 0) is its first pixel.
    """

    left: int
    top: int
    rows: int
    columns: int
    stride: int

    @property
    def width(self) -> int:
        """Pixels that the grid covers across."""
        return (self.columns - 1) * self.stride + 1

    @property
    def height(self) -> int:
        """Pixels that the grid covers down."""
        return (self.rows - 1) * self.stride + 1

    def nodes(self) -> torch.Tensor:
        """(rows, columns, 2) float32 x and y of the nodes in pixel indices."""
        y = self.top + self.stride * torch.arange(self.rows, dtype=torch.float32)
        x = self.left + self.stride * torch.arange(self.columns, dtype=torch.float32)
        return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)

    def part(self, low: tuple[int, int], high: tuple[int, int]) -> Grid:
        """The nodes from (column, row) ``low`` to ``high``, both included, cut at the border."""
        c0, r0 = max(low[0], 0), max(low[1], 0)
        c1, r1 = min(high[0], self.columns - 1), min(high[1], self.rows - 1)
        left, top = self.left + c0 * self.stride, self.top + r0 * self.stride
        return Grid(left, top, max(r1 - r0 + 1, 2), max(c1 - c0 + 1, 2), self.stride)

    def normalise(self, places: torch.Tensor) -> torch.Tensor:
        """Pixel places (..., 2) as ``grid_sample`` wants them, -1..1 from first to last pixel of the box."""
        scale = 2.0 / places.new_tensor([self.width - 1, self.height - 1])
        return torch.addcmul(-1.0 - places.new_tensor([self.left, self.top]) * scale, places, scale)

    def strips(self, n_pixels: int) -> Iterator[Grid]:
        """Parts one below the other, of whole rows of nodes and about so many pixels; each begins where one ends."""
        step = max(1, n_pixels // (self.stride * self.width))
        for row in range(0, self.rows - 1, step):
            rows = min(step, self.rows - 1 - row) + 1
            yield Grid(self.left, self.top + row * self.stride, rows, self.columns, self.stride)

    def nodes_in(self, inside: Grid) -> tuple[slice, slice]:
        """Rows and columns of nodes that this grid, a part of ``inside``, takes there."""
        row, column = (self.top - inside.top) // self.stride, (self.left - inside.left) // self.stride
        return slice(row, row + self.rows), slice(column, column + self.columns)

    def slices(self, inside: Grid) -> tuple[slice, slice]:
        """Rows and columns of pixels that this box takes in an image of the box ``inside``."""
        y, x = self.top - inside.top, self.left - inside.left
        return slice(y, y + self.height), slice(x, x + self.width)


def bounding_grid(grids: Sequence[Grid]) -> Grid:
    """The least grid that holds parts of one grid."""
    left, top = min(grid.left for grid in grids), min(grid.top for grid in grids)
    right, bottom = max(grid.left + grid.width for grid in grids), max(grid.top + grid.height for grid in grids)
    stride = grids[0].stride
    return Grid(left, top, (bottom - top - 1) // stride + 1, (right - left - 1) // stride + 1, stride)


def sample(texture: torch.Tensor, places: torch.Tensor, box: Grid) -> torch.Tensor:
    """Texture (C, h, w) or (T, C, h, w) spread over ``box``, bilinearly at places (T, H, W, 2) -> (T, C, H, W)."""
    if texture.dim() == 3:
        texture = texture.expand(places.shape[0], -1, -1, -1)
    return F.grid_sample(texture, box.normalise(places), mode="bilinear", padding_mode="border", align_corners=True)


def upsample(values: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Node values (..., rows, columns) at every pixel of the grid's box, bilinearly -> (..., height, width)."""
    return torch.from_numpy(spread_rows(spread_columns(values.numpy(), grid.stride), grid.stride))


def spread_rows(values: np.ndarray, stride: int) -> np.ndarray:
    """(..., n, w) node values at every pixel from the first to the last, linearly -> (..., (n - 1) * stride + 1, w).

    Number by number, never as a matrix product: that rounds differently in boxes of different sizes.
    """
    first = values[..., :-1, None, :]
    out = np.empty((*values.shape[:-2], (values.shape[-2] - 1) * stride + 1, values.shape[-1]), np.float32)
    out[..., -1, :] = values[..., -1, :]
    between = out[..., :-1, :].reshape(*values.shape[:-2], -1, stride, values.shape[-1])  # a view
    np.multiply(values[..., 1:, None, :] - first, _shares(stride), out=between)
    between += first
    return out


@lru_cache(64)
def _shares(stride: int) -> np.ndarray:
    """(stride, 1) share of the next node in the pixels from one node on."""
    return (np.arange(stride, dtype=np.float32) / np.float32(stride))[:, None]


def spread_columns(values: np.ndarray, stride: int) -> np.ndarray:
    """(..., n) like :func:`spread_rows`, across -> (..., (n - 1) * stride + 1)."""
    # long rows are worked on in a fraction of the time of short ones
    upright = np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T)
    return np.ascontiguousarray(spread_rows(upright, stride).T).reshape(*values.shape[:-1], -1)


def invert(forward: torch.Tensor, source: Grid, target: Grid) -> torch.Tensor:
    """Places x with x + forward(x) = y for the nodes y of ``target``.

    Levenberg-Marquardt steps; x never lies further from y than the motion reaches, so folds stay local.

    Args:
        forward: (T, 2, rows, columns) displacement in pixels at the nodes of ``source``.
        source: grid of the displacement.
        target: grid of the wanted places y.

    Returns:
        (T, 2, target.rows, target.columns) float32 pixel places x.
    """
    y = target.nodes().permute(2, 0, 1).expand(forward.shape[0], -1, -1, -1)
    low, high = (y - forward.amax((2, 3), keepdim=True)), (y - forward.amin((2, 3), keepdim=True))
    fields = torch.cat([forward, *_slopes(forward, source.stride)], 1)
    x = y - 0.5 * sample(forward, y.permute(0, 2, 3, 1), source)
    for _ in range(_STEPS):
        at = sample(fields, x.permute(0, 2, 3, 1), source)
        x = torch.minimum(torch.maximum(x - _step(at[:, 2:], x + at[:, :2] - y), low), high)
    return x


def _slopes(field: torch.Tensor, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Central differences of (T, 2, rows, columns) along x and along y."""
    wide = F.pad(field, (1, 1, 0, 0), mode="replicate")
    tall = F.pad(field, (0, 0, 1, 1), mode="replicate")
    return (wide[..., 2:] - wide[..., :-2]) / (2 * stride), (tall[..., 2:, :] - tall[..., :-2, :]) / (2 * stride)


def _step(slopes: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
    """Damped least-squares step (J'J + d)^-1 J' r, J = I + slopes; slopes (T, 4, ...) = d(dx, dy)/dx, d(dx, dy)/dy."""
    a, c, b, d = 1 + slopes[:, 0], slopes[:, 1], slopes[:, 2], 1 + slopes[:, 3]
    rx, ry = residual[:, 0], residual[:, 1]
    gx, gy = a * rx + c * ry, b * rx + d * ry
    p, q, s = a * a + c * c + _DAMPING, a * b + c * d, b * b + d * d + _DAMPING
    det = p * s - q * q
    return torch.stack([(s * gx - q * gy) / det, (p * gy - q * gx) / det], 1)


def rotation_matrices(vectors: torch.Tensor) -> torch.Tensor:
    """Axis-angle (T, 3) in camera axes (x right, y up, z to the viewer) -> (T, 3, 3) in image axes (y down).

    Rodrigues' formula; the y axis is mirrored on both sides.
    """
    angle = vectors.norm(dim=1).clamp_min(1e-8)
    axis = vectors / angle[:, None]
    zero = torch.zeros_like(angle)
    x, y, z = axis.unbind(1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    s, c = torch.sin(angle)[:, None, None], torch.cos(angle)[:, None, None]
    rotation = torch.eye(3) + s * cross + (1 - c) * (cross @ cross)
    mirror = vectors.new_tensor([1.0, -1.0, 1.0])
    return rotation * mirror[:, None] * mirror
