"""A user's own model: a pair of JAX functions, or a PyTorch module.

JAX: a module with ``init(seed, inputs, outputs)``, which returns arrays by name, and
``apply(parameters, x)``, which returns [n, outputs]; ``loss(outputs, y)``, [n], if the target's
usual one is not meant. PyTorch: a subclass of ``nn.Module`` that is made by ``Net(inputs,
outputs)``, with such a ``loss`` as a static method if need be. Either way all that is learned is
float32 parameters: what a module keeps besides, such as the running means of batch
normalization, has no meaning under a weighted mean and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collegium.errors import StudyError
from collegium.learning.blobs import TensorSpec
from collegium.learning.networks import custom_code as own_code
from collegium.learning.networks.network import unpacked

_ROWS = 1024


@dataclass(frozen=True)
class CustomFunctions:
    """A user's pair of JAX functions.

    Attributes:
        code: the module's name.
        digest: SHA-256 of its file, hex.
        inputs: columns of x.
        outputs_count: of the last layer.
    """

    code: str
    digest: str
    inputs: int
    outputs_count: int

    def __reduce__(self) -> tuple[type[CustomFunctions], tuple[str, str, int, int]]:
        return CustomFunctions, (self.code, self.digest, self.inputs, self.outputs_count)

    @cached_property
    def functions(self) -> Any:
        """The module, loaded."""
        return own_code.load(self.code, self.digest)

    @property
    def loss(self) -> Callable[[Any, Any], Any] | None:
        """The user's loss of each row, or None for the target's usual one."""
        found: Callable[[Any, Any], Any] | None = getattr(self.functions, "loss", None)
        return found

    @cached_property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The parameters, sorted by name."""
        return _specs(self.code, self._first(0))

    @property
    def flops(self) -> float:
        """Two for each parameter: what each is used for more than once is not known here."""
        return 2.0 * sum(one.size for one in self.tensors)

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Return what the user's ``init`` makes of a seed."""
        return _packed(self._first(seed))

    def apply(self, library: Any, tensors: Mapping[str, Any], x: Any) -> Any:
        """Return what the user's ``apply`` says of rows."""
        return self.functions.apply(tensors, x)

    def outputs(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the last layer's values."""
        tensors = unpacked(self.tensors, parameters)
        return _in_portions(self, lambda rows: self.functions.apply(tensors, rows), x)

    def _first(self, seed: int) -> dict[str, NDArray[Any]]:
        functions = self.functions
        try:
            made = functions.init(seed, self.inputs, self.outputs_count)
            return {name: np.asarray(value) for name, value in dict(made).items()}
        except Exception as error:
            raise own_code.failed(self.code, error) from error


@dataclass(frozen=True)
class CustomModule:
    """A user's PyTorch module; its attributes are those of `CustomFunctions`."""

    code: str
    digest: str
    inputs: int
    outputs_count: int

    def __reduce__(self) -> tuple[type[CustomModule], tuple[str, str, int, int]]:
        return CustomModule, (self.code, self.digest, self.inputs, self.outputs_count)

    @cached_property
    def tensors(self) -> tuple[TensorSpec, ...]:
        """The parameters, sorted by name."""
        module = self.made(0)
        kept = [name for name, _ in module.named_buffers()]
        if kept:
            raise _refused(
                self.code,
                f"it keeps {kept[0]!r} besides its parameters",
                "use group or layer normalization instead of batch normalization",
            )
        return _specs(self.code, _arrays(module))

    @property
    def flops(self) -> float:
        """Two for each parameter: what each is used for more than once is not known here."""
        return 2.0 * sum(one.size for one in self.tensors)

    def initial(self, seed: int) -> NDArray[np.float32]:
        """Return the parameters that a module has when it is made under a seed."""
        return _packed(_arrays(self.made(seed)))

    def made(self, seed: int) -> Any:
        """Return a new module."""
        import torch

        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return own_code.load(self.code, self.digest)(self.inputs, self.outputs_count)
        except StudyError:
            raise
        except Exception as error:
            raise own_code.failed(self.code, error) from error

    def outputs(
        self, parameters: NDArray[np.float32], x: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the last layer's values."""
        import torch

        module = self.made(0).eval()
        tensors = unpacked(self.tensors, torch.from_numpy(parameters.copy()))

        def say(rows: NDArray[np.float32]) -> Any:
            with torch.no_grad():
                return torch.func.functional_call(module, tensors, (torch.from_numpy(rows),))

        return _in_portions(self, say, x)


def _in_portions(
    network: CustomFunctions | CustomModule, say: Callable[[NDArray[np.float32]], Any],
    x: NDArray[np.float32],
) -> NDArray[np.float64]:  # fmt: skip
    found = [np.empty((0, network.outputs_count))]
    try:
        for first in range(0, len(x), _ROWS):
            found.append(
                np.asarray(say(np.ascontiguousarray(x[first : first + _ROWS])), np.float64)
            )
        return np.concatenate(found)
    except Exception as error:
        raise own_code.failed(network.code, error) from error


def _arrays(module: Any) -> dict[str, NDArray[Any]]:
    return {name: one.detach().numpy() for name, one in module.named_parameters()}


def _specs(code: str, arrays: Mapping[str, NDArray[Any]]) -> tuple[TensorSpec, ...]:
    for name, value in arrays.items():
        if value.dtype != np.float32:
            raise _refused(code, f"its parameter {name!r} is {value.dtype}", "make it float32")
        if not name.isascii() or not name.isprintable() or set(name) & {" ", "~"} or not name:
            raise _refused(code, f"a parameter is called {name[:60]!r}", "use ASCII words")
    if not arrays:
        raise _refused(code, "it has no parameters", "return arrays by name from init")
    return tuple(TensorSpec(name, arrays[name].shape) for name in sorted(arrays))


def _packed(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)]).astype(np.float32)


def _refused(code: str, why: str, todo: str) -> StudyError:
    return StudyError(
        "model.code-failed", f"the model {code[:60]!r} cannot be trained together", why, todo
    )
