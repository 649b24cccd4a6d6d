"""Orthonormal frames and second fundamental forms from derivatives of an embedding."""

from __future__ import annotations

import numpy as np

from ..arrays import FloatArray

__all__ = ["second_fundamental_form", "tangent_basis", "volume"]


def volume(first: FloatArray) -> FloatArray:
    """Return sqrt(det g) from first derivatives (N, m, d), m = 1 or 2, in their precision."""
    squares = (first * first).sum(axis=2)
    if first.shape[1] == 1:
        return np.asarray(np.sqrt(squares[:, 0]))
    # |a|^2 |b - proj_a b|^2: nothing cancels where the two are nearly dependent.
    share = (first[:, 0] * first[:, 1]).sum(axis=1) / np.where(squares[:, 0] > 0.0, squares[:, 0], 1.0)
    across = first[:, 1] - share[:, None] * first[:, 0]
    return np.asarray(np.sqrt(squares[:, 0] * (across * across).sum(axis=1)))


def tangent_basis(first: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return an orthonormal basis (N, m, d), one vector a row, and C (N, m, m): e_i = sum_j C_ij d_j y.

    By Gram-Schmidt, so that e_1 points along d_1 y.
    """
    n, m = first.shape[:2]
    basis, combine = np.empty_like(first), np.zeros((n, m, m))
    length = np.linalg.norm(first[:, 0], axis=1)
    basis[:, 0] = first[:, 0] / length[:, None]
    combine[:, 0, 0] = 1.0 / length
    if m == 2:
        along = (basis[:, 0] * first[:, 1]).sum(axis=1)
        across = first[:, 1] - along[:, None] * basis[:, 0]
        across -= (basis[:, 0] * across).sum(axis=1, keepdims=True) * basis[:, 0]
        length = np.linalg.norm(across, axis=1)
        basis[:, 1] = across / length[:, None]
        combine[:, 1, 0], combine[:, 1, 1] = -along * combine[:, 0, 0] / length, 1.0 / length
    return basis, combine


def second_fundamental_form(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return II(e_i, e_j), (N, m, m, d), in the basis of `tangent_basis`; d_i y is (N, m, d), d_ij y (N, m, m, d)."""
    basis, combine = tangent_basis(first)
    form = np.einsum("nik,njl,nkld->nijd", combine, combine, second)
    return np.asarray(form - np.einsum("nijd,npd,npe->nije", form, basis, basis))
