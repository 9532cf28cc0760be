"""Scores a model on a part of its corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from apps.shared import files, flags
from apps.shared.commands import settle
from apps.shared.commands.opening import find_model, open_model, stored_recipe
from apps.shared.errors import UserError, starting
from apps.shared.task import Task


def run(task: Task, program: str, argv: Sequence[str]) -> None:
    """`evaluate`: reads the flags, opens the model, scores it, writes table, report and plot.

    Raises:
        UserError: a flag, a file, the model or the data keeps it from starting.
    """
    parts: dict[str, Any] = {"run": task.evaluate_options_class(model=task.default_model, split=task.splits[0])}
    if task.speaks:
        parts["search"] = task.default_search(stored_recipe(task, argv))
    splits = f" Splits: {', '.join(task.splits)}."
    values = flags.parse(program, f"Scores a model that {task.does}.{splits}", parts, argv)
    options, search = values["run"], values.get("search")
    path = find_model(task, options.model)
    with starting():
        for target in filter(None, (options.report, options.plot)):
            files.check_new(target)
    if options.plot and not task.plots:
        raise UserError(f"{task.name} has no plot. Leave out --plot.")
    if options.plot and options.plot.suffix.lower() != ".svg":
        raise UserError(f"Plots are written as SVG: name {options.plot.with_suffix('.svg')} with --plot.")
    settle(options, task.uses_keras)
    report = task.evaluate(open_model(task, path, options.allow_hub), options, search)
    with files.output(files.STANDARD) as out:
        out.write(report.table.rstrip("\n").encode("utf-8") + b"\n")
    if options.report:
        files.write_text(options.report, json.dumps(dict(report.scores), indent=2, ensure_ascii=False) + "\n")
    if options.plot:
        if report.plot is None:
            raise UserError("There is nothing to plot in this evaluation; the scores are above.")
        files.write_text(options.plot, report.plot)
