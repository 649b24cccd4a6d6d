"""The best point of a leaf, and what is known about it."""

from __future__ import annotations

from .cloud_products import centred_square, products_suffice
from .cloud_tree import LEAF
from .cloud_weights import doubtful_bits, exact_levels, largest_index, levels, measure, needs_exact
from .compilation import FloatArray, exact

__all__ = ["LARGEST_DOUBT", "better_in_leaf", "finish_reference", "place", "reference_in_leaf"]

LOG2_E = 1.4426950408889634
#: Bits by which plain arithmetic may pick a point that is worse than the best one.
LARGEST_DOUBT = 0.25


@exact
def place(leaf: int, lanes: int, size: int) -> tuple[int, int, int]:
    """Return the tile of a leaf and the lanes start .. stop - 1 that it has there, of `size` in all tiles."""
    leaves_of_tile = lanes // LEAF
    tile, start = leaf // leaves_of_tile, leaf % leaves_of_tile * LEAF
    return tile, start, min(start + LEAF, size - tile * lanes)


@exact
def reference_in_leaf(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    leaf: int,
    best: float,
    center: FloatArray,
    rate: float,
    scratch: FloatArray,
    reference: FloatArray,
) -> tuple[int, float]:
    """Fill the reference with the best point of a leaf; return its lane and by how many bits `best` is doubtful."""
    tile, start, stop = place(leaf, tiles.shape[2], size)
    levels(tiles[tile], exponents[tile], start, stop, center, rate, scratch)
    lane = largest_index(scratch, stop - start)
    reference[0], reference[1] = measure(tiles[tile], start + lane, center, False, scratch)
    doubt = doubtful_bits(center.size, reference[0], rate)
    reference[2], reference[3] = exponents[tile, start + lane], 0.0
    # Every point of a box below this by some bits is below the best point by as many.
    reference[4] = best - 4.0 * doubt
    if needs_exact(center.size, reference[0], rate):
        reference[0], reference[1] = measure(tiles[tile], start + lane, center, True, scratch)
        reference[3] = 1.0
    return lane, doubt


@exact
def better_in_leaf(
    tiles: FloatArray,
    exponents: FloatArray,
    size: int,
    leaf: int,
    center: FloatArray,
    rate: float,
    scratch: FloatArray,
    reference: FloatArray,
) -> int:
    """Move the reference to a point of a leaf better by half a bit in exact arithmetic; return its lane, or -1."""
    tile, start, stop = place(leaf, tiles.shape[2], size)
    exact_levels(tiles[tile], exponents[tile], start, stop, center, rate, reference, scratch)
    lane: int = largest_index(scratch, stop - start)
    if scratch[lane] <= 0.5:
        return -1
    reference[0], reference[1] = measure(tiles[tile], start + lane, center, True, scratch)
    reference[2] = exponents[tile, start + lane]
    return lane


@exact
def finish_reference(
    tiles: FloatArray,
    size: int,
    leaf: int,
    lane: int,
    center: FloatArray,
    rate: float,
    reference: FloatArray,
    point: FloatArray,
) -> None:
    """Copy the best point; set whether inner products or plain differences will do, and the shift of the former."""
    tile, start, _ = place(leaf, tiles.shape[2], size)
    for k in range(center.size):
        point[k] = tiles[tile, k, start + lane]
    reference[5] = 0.0
    reference[6] = products_suffice(center, point, reference[0], 0.5 * LOG2_E / rate)
    if reference[6] > 0.0:
        reference[5] = centred_square(center, point) * rate - reference[2]
