"""The same translator in PyTorch, in a process of its own: `nn.LSTM`, the same sizes, the same batched search.

`benchmarks.decoding` and `benchmarks.training` start it and tell it what to do, one JSON line at a time; it needs torch
and NumPy and nothing of this project, so it may live in another environment (`--torch-python`).
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

BOS, EOS, PAD, UNK = 2, 3, 0, 1


class Translator(nn.Module):
    """Bidirectional encoder, pooled and last states → a context; LSTM decoder that sees it at every step.

    Args:
        weights: by name, as `benchmarks.torch_process.weights_of` gives them.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__()
        self.levels = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("encoder."))
        units = weights["encoder.0.forward.recurrent"].shape[0]
        self.source = nn.Embedding.from_pretrained(tensor(weights["source"]), freeze=False)
        self.encoder = nn.ModuleList(
            nn.LSTM(weights[f"encoder.{n}.forward.kernel"].shape[0], units, batch_first=True, bidirectional=True)
            for n in range(self.levels)
        )
        self.target = nn.Embedding.from_pretrained(tensor(weights["target"]), freeze=False)
        size = weights["decoder.recurrent"].shape[0]
        # The context joins the input, as PyTorch users write it: nn.LSTM has no other place for it.
        self.decoder = nn.LSTM(self.target.embedding_dim + size, size, batch_first=True)
        names = ("start_h", "start_c", "context", "readout", "context_to_readout")
        for name in (*names, *(["bag"] if "bag.kernel" in weights else [])):
            kernel = weights[f"{name}.kernel"]
            layer = nn.Linear(*kernel.shape, bias=f"{name}.bias" in weights)
            layer.weight.data = tensor(kernel.T)
            if layer.bias is not None:
                layer.bias.data = tensor(weights[f"{name}.bias"])
            self.add_module(name, layer)
        self.output_bias = nn.Parameter(tensor(weights["output_bias"]))
        for n in range(self.levels):
            fill(self.encoder[n], "_l0", weights, f"encoder.{n}.forward")
            fill(self.encoder[n], "_l0_reverse", weights, f"encoder.{n}.backward")
        joined = {**weights, "decoder.kernel": np.concatenate([weights["decoder.kernel"], weights["context_to_gates"]])}
        fill(self.decoder, "_l0", joined, "decoder")
        self.context_to_gates = tensor(weights["context_to_gates"].T)

    def encode(self, source_ids, dropout: float = 0.0):
        lengths = (source_ids != PAD).sum(1)
        packed = pack_padded_sequence(
            dropped(self.source(source_ids), dropout), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        for level, lstm in enumerate(self.encoder):
            if level and dropout:
                outputs, _ = pad_packed_sequence(packed, batch_first=True)
                below = pack_padded_sequence(
                    dropped(outputs, dropout), lengths.cpu(), batch_first=True, enforce_sorted=False
                )
            else:
                below = packed
            after, (hidden, _) = lstm(below)
            if level:
                after = PackedSequence(after.data + packed.data, *after[1:])
            packed = after
        outputs, _ = pad_packed_sequence(packed, batch_first=True, padding_value=-1e4)
        return torch.cat([hidden[0], hidden[1], outputs.max(1).values], -1)

    def start(self, source_ids, dropout: float = 0.0):
        summary = functional.dropout(self.encode(source_ids, dropout), dropout)
        return torch.tanh(self.start_h(summary)), self.start_c(summary), torch.tanh(self.context(summary)), summary

    def logits(self, hidden, context):
        return functional.linear(
            self.readout(hidden) + self.context_to_readout(context), self.target.weight, self.output_bias
        )

    def step(self, tokens, hidden, cell, context):
        inputs = torch.cat([self.target(tokens), context], -1)[:, None]
        outputs, (hidden, cell) = self.decoder(inputs, (hidden[None], cell[None]))
        return self.logits(outputs[:, 0], context), hidden[0], cell[0]

    def step_by_hand(self, tokens, hidden, cell, context, context_gates):
        width = self.target.embedding_dim
        gates = functional.linear(self.target(tokens), self.decoder.weight_ih_l0[:, :width], self.decoder.bias_ih_l0)
        gates = gates + context_gates + functional.linear(hidden, self.decoder.weight_hh_l0)
        i, f, g, o = gates.chunk(4, -1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        return self.logits(hidden, context), hidden, cell

    def loss(self, source_ids, target_in, target_out, settings: dict):
        """Label-smoothed teacher forcing and the bag-of-words loss, with the dropouts of the recipe."""
        dropout = settings["dropout"]
        source_ids, target_in = (word_dropped(ids, settings["word_dropout"]) for ids in (source_ids, target_in))
        hidden, cell, context, summary = self.start(source_ids, dropout)
        embedded = dropped(self.target(target_in), dropout)
        inputs = torch.cat([embedded, context[:, None].expand(-1, embedded.shape[1], -1)], -1)
        outputs, _ = self.decoder(inputs, (hidden[None], cell[None]))
        readout = self.readout(outputs) + self.context_to_readout(context)[:, None]
        logits = functional.linear(dropped(readout, dropout), self.target.weight, self.output_bias)
        loss = functional.cross_entropy(
            logits.flatten(0, 1), target_out.flatten(), ignore_index=PAD, label_smoothing=settings["label_smoothing"]
        )
        if settings["bag_of_words"]:
            bag = functional.log_softmax(
                functional.linear(self.bag(summary), self.target.weight, self.output_bias), -1
            ).gather(1, target_out)
            real = target_out != PAD
            loss = loss - settings["bag_of_words"] * (bag * real).sum() / real.sum()
        return loss


def tensor(array: np.ndarray):
    return torch.from_numpy(np.ascontiguousarray(array))


def fill(lstm: nn.LSTM, suffix: str, weights: dict, name: str) -> None:
    """Keras' gate order i, f, c, o is PyTorch's i, f, g, o; PyTorch has two biases, of which one is left at zero."""
    getattr(lstm, f"weight_ih{suffix}").data.copy_(tensor(weights[f"{name}.kernel"].T))
    getattr(lstm, f"weight_hh{suffix}").data.copy_(tensor(weights[f"{name}.recurrent"].T))
    getattr(lstm, f"bias_ih{suffix}").data.copy_(tensor(weights[f"{name}.bias"]))
    getattr(lstm, f"bias_hh{suffix}").data.zero_()


def dropped(inputs, rate: float):
    """Dropout with one mask over time."""
    if not rate:
        return inputs
    return inputs * functional.dropout(torch.ones(inputs.shape[0], 1, inputs.shape[2]), rate)


def word_dropped(ids, rate: float):
    return torch.where((torch.rand(ids.shape) < rate) & (ids >= 4), UNK, ids) if rate else ids


def search(model: Translator, source_ids, limits, beam: int, length_penalty: float, longest: int, by_hand: bool):
    """Beam search for a batch; finished hypotheses are frozen. Best first: tokens (n, k, L) and scores (n, k)."""
    count = len(source_ids)
    hidden, cell, context, _ = model.start(source_ids)
    more = [context @ model.context_to_gates.T] if by_hand else []
    step = model.step_by_hand if by_hand else model.step
    hidden, cell, context, *more = (x.repeat_interleave(beam, 0) for x in (hidden, cell, context, *more))
    tokens = torch.zeros(count, beam, longest, dtype=torch.long)
    last = torch.full((count, beam), BOS)
    scores = torch.full((count, beam), -torch.inf)
    scores[:, 0] = 0
    lengths = torch.zeros(count, beam, dtype=torch.long)
    finished = torch.zeros(count, beam, dtype=torch.bool)
    first = torch.arange(beam) == 0
    offsets = torch.arange(count)[:, None] * beam
    for position in range(longest):
        logits, hidden, cell = step(last.flatten(), hidden, cell, context, *more)
        top, ids = logits.topk(beam, -1)
        log_probs = (top - logits.logsumexp(-1, keepdim=True)).view(count, beam, beam)
        ids = torch.where(finished[..., None], PAD, ids.view(count, beam, beam))
        log_probs = torch.where(finished[..., None], torch.where(first, 0.0, -torch.inf), log_probs)
        candidates = scores[..., None] + log_probs
        new_lengths = (lengths + ~finished)[..., None].expand_as(candidates)
        ranked = candidates / new_lengths.clamp(min=1) ** length_penalty
        chosen = ranked.flatten(1).topk(beam, -1).indices
        parents = chosen // beam
        last, scores, lengths = (x.flatten(1).gather(1, chosen) for x in (ids, candidates, new_lengths))
        tokens = tokens.gather(1, parents[..., None].expand_as(tokens))
        tokens[..., position] = last
        finished = finished.gather(1, parents) | (last == EOS) | (lengths >= limits[:, None])
        if beam > 1:
            rows = (parents + offsets).flatten()
            hidden, cell = hidden[rows], cell[rows]
        if bool((finished | (scores == -torch.inf)).all()):
            break
    normalized = scores / lengths.clamp(min=1) ** length_penalty
    order = normalized.argsort(dim=-1, descending=True, stable=True)
    return tokens.gather(1, order[..., None].expand_as(tokens)), scores.gather(1, order)


class Peer:
    """Answers commands; holds the model, the sentences and the training batches."""

    def __init__(self, path: str, threads: int):
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        self.model = Translator({name[2:]: array for name, array in arrays.items() if name.startswith("w:")})
        self.arrays = {name: tensor(array.astype(np.int64)) for name, array in arrays.items() if name[1] != ":"}
        self.optimizer = None

    @torch.inference_mode()
    def decode(self, beam: int, batch: int, length_penalty: float, by_hand: bool = False, answers: bool = False):
        """Decodes all sentences, sorted by length; gives the best hypotheses where they are asked for."""
        sources, limits, found = self.arrays["sources"], self.arrays["limits"], []
        longest = int(limits.max())
        for at in range(0, len(sources), batch):
            ids = sources[at : at + batch]
            ids = ids[:, : int((ids != PAD).sum(1).max())]
            found.append(search(self.model, ids, limits[at : at + batch], beam, length_penalty, longest, by_hand))
        if not answers:
            return {}
        best = [
            (row[0].tolist(), float(score[0]))
            for rows, scores in found
            for row, score in zip(rows, scores, strict=True)
        ]
        return {"tokens": [row for row, _ in best], "scores": [score for _, score in best]}

    def train(self, steps: list[int], settings: dict):
        """Optimizer steps on the batches with these numbers; gives the mean loss."""
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(
                self.model.parameters(), lr=1e-3, betas=(0.9, 0.98), eps=1e-9, weight_decay=settings["weight_decay"]
            )
        total = 0.0
        for number in steps:
            batch = [self.arrays[f"{part}{number}"] for part in ("source", "target_in", "target_out")]
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.model.loss(*batch, settings)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), settings["clip_norm"])
            self.optimizer.step()
            total += float(loss.detach())
        return {"loss": total / len(steps)}

    def about(self):
        """What it runs on."""
        parameters = sum(p.numel() for p in self.model.parameters())
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "parameters": parameters}


def main() -> None:
    """Reads a command a line, `{"do": name, arguments…}`, and answers with its result and the seconds it took."""
    peer = Peer(sys.argv[1], int(sys.argv[2]))
    for line in sys.stdin:
        arguments = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        result = getattr(peer, arguments.pop("do"))(**arguments)
        result |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
