"""What PyTorch's exporter or the runtimes lack of ONNX in float64, out of what they have."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

onnx: Any = import_module("onnx")
op: Any = import_module("onnxscript").opset18


def _asinh(x: Any) -> Any:
    r"""Runtimes have it in float32 only.

    .. math::
        \operatorname{asinh} x = \operatorname{sgn}(x) \log(|x| + \sqrt{x^2 + 1})
    """
    root = op.Sqrt(op.Add(op.Mul(x, x), op.CastLike(1.0, x)))
    return op.Mul(op.Sign(x), op.Log(op.Add(op.Abs(x), root)))


def _scalar_tensor(
    s: float, dtype: int = 1, layout: str = "", device: str = "", pin_memory: bool = False
) -> Any:
    """A number in a formula; the exporter writes all of them in float32."""
    del layout, device, pin_memory
    value = onnx.helper.make_tensor("", onnx.TensorProto.DOUBLE, [], [s])
    return op.Cast(op.Constant(value=value), to=dtype)


def _sort(x: Any, stable: bool = True, dim: int = -1, descending: bool = False) -> Any:
    """The exporter has no stable sort, but `TopK` keeps the order of equals."""
    del stable
    length = op.Gather(op.Shape(x), op.Constant(value_ints=[dim]))
    return op.TopK(x, length, axis=dim, largest=int(descending))


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.aten.asinh.default: _asinh,
    torch.ops.aten.scalar_tensor.default: _scalar_tensor,
    torch.ops.aten.sort.stable: _sort,
}
"""For `custom_translation_table` of `torch.onnx.export`."""
