"""Stands in for models.layers.reference until that file exists; to be deleted."""

import numpy as np
from apps.lstm_lab import units as U


def lstm_forward(weights, inputs):
    B, T, _ = inputs.shape
    H = weights.units
    P = weights.peephole if weights.peephole is not None else np.zeros((3, H))
    pr = inputs @ weights.kernel + weights.bias
    tr = {n: np.zeros((B, T, H)) for n in ("input", "forget", "candidate", "output", "cell", "hidden")}
    h = c = np.zeros((B, H))
    for t in range(T):
        a = pr[:, t] + h @ weights.recurrent
        i = U.sigmoid(a[:, :H] + P[0] * c)
        f = U.sigmoid(a[:, H : 2 * H] + P[1] * c)
        g = np.tanh(a[:, 2 * H : 3 * H])
        c = f * c + i * g
        o = U.sigmoid(a[:, 3 * H :] + P[2] * c)
        h = o * np.tanh(c)
        for n, v in zip(tr, (i, f, g, o, c, h)):
            tr[n][:, t] = v
    return tr | {"inputs": inputs, "state": tr["cell"]}


def lstm_backward(weights, tr, dh, dc=None):
    B, T, H = dh.shape
    P = weights.peephole if weights.peephole is not None else np.zeros((3, H))
    cb = U.shifted(tr["cell"])
    hb = U.shifted(tr["hidden"])
    D = np.zeros((B, T, 4 * H))
    E = np.zeros((B, T, H))
    lh = np.zeros((B, H))
    lc = np.zeros((B, H))
    for t in reversed(range(T)):
        i, f, g, o, c = (tr[n][:, t] for n in ("input", "forget", "candidate", "output", "cell"))
        eh = dh[:, t] + lh
        sq = np.tanh(c)
        do = o * (1 - o) * sq * eh
        e = o * (1 - sq**2) * eh + lc + P[2] * do + (0 if dc is None else dc[:, t])
        E[:, t] = e
        di = i * (1 - i) * g * e
        df = f * (1 - f) * cb[:, t] * e
        dg = i * (1 - g**2) * e
        D[:, t] = np.concatenate([di, df, dg, do], -1)
        lc = f * e + P[0] * di + P[1] * df
        lh = D[:, t] @ weights.recurrent.T
    g = {
        "kernel": np.einsum("bti,btj->ij", tr["inputs"], D),
        "recurrent": np.einsum("bti,btj->ij", hb, D),
        "bias": D.sum((0, 1)),
    }
    if weights.peephole is not None:
        g["peephole"] = np.stack(
            [
                (cb * D[..., :H]).sum((0, 1)),
                (cb * D[..., H : 2 * H]).sum((0, 1)),
                (tr["cell"] * D[..., 3 * H :]).sum((0, 1)),
            ]
        )
    return g, E
