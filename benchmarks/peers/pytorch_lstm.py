"""`torch.nn.LSTM` alone, in a process of its own; `benchmarks.layers` starts it and asks for one pass at a time."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch


class Peer:
    """One layer a precision, with its input and what arrives at its outputs.

    Args:
        path: an .npz with `x` (batch, time, inputs) and `above` (batch, time, units).
        threads: for the arithmetic.
    """

    def __init__(self, path: str, threads: int):
        torch.set_num_threads(threads)
        with np.load(path) as arrays:
            self.x, self.above = (torch.from_numpy(arrays[name]) for name in ("x", "above"))
        self.made: dict = {}

    def both(self, precision: str) -> dict:
        """A forward and a backward pass: gradients of the inputs and of every weight."""
        if precision not in self.made:
            dtype = getattr(torch, precision)
            layer = torch.nn.LSTM(self.x.shape[-1], self.above.shape[-1], batch_first=True).to(dtype)
            self.made[precision] = layer, self.x.to(dtype).requires_grad_(), self.above.to(dtype)
        layer, x, above = self.made[precision]
        layer.zero_grad(set_to_none=True)
        x.grad = None
        wall, cpu = time.perf_counter(), time.process_time()
        layer(x)[0].backward(above)
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def main() -> None:
    """Reads a command a line, `{"do": name, arguments…}`, and answers with the seconds it took."""
    peer = Peer(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        arguments = json.loads(line)
        print(json.dumps(getattr(peer, arguments.pop("do"))(**arguments)), flush=True)


if __name__ == "__main__":
    main()
