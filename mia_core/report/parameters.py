"""The parameters of a report, checked against what its chapters know before anything runs."""

import ast
import io
import json
import os
import re
import tokenize
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import create_model

from mia_core.base.errors import SettingsError
from mia_core.base.files import absolute
from mia_core.base.messages import nearest, one_line
from mia_core.base.settings import Number, Settings, Switch, Whole
from mia_core.report.sources import BookError
from mia_core.studies.settings import StudySettings


def known_parameters(chapter: Path) -> dict[str, Any]:
    """Name and default of each parameter of a notebook: the assignments of its cell tagged `parameters`.

    The notebook is read, not run. Raises `BookError` for a file that is no notebook, or a cell with anything in it but
    names and plain values.
    """
    try:
        body = ast.parse(_parameters_cell(chapter)).body
    except SyntaxError as error:
        raise BookError(f"{chapter}: the parameters cell is not plain Python: {error.msg}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BookError(f"{chapter}: cannot be read as a notebook: {one_line(error)}") from None
    found = {}
    for line in body:
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        try:
            found[target.id] = ast.literal_eval(line.value)
        except (AttributeError, ValueError, TypeError):
            raise BookError(
                f"{chapter}: the parameters cell, line {line.lineno}: expected a name and a plain value, found "
                f"{one_line(ast.unparse(line), 60)}"
            ) from None
    return found


def check_parameters(given: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The given parameters, each as a plain value of its type.

    What a study also knows is held to the study's limits, anything else to the type of its default in `known`.
    Raises `SettingsError`, one line, for unknown names (it lists the known ones) and values that do not fit.
    """
    unknown = [name for name in given if name not in known]
    if unknown:
        raise SettingsError(
            "; ".join(f"{one_line(name, 60)}: unknown; {nearest(str(name), list(known))}" for name in unknown)
        )
    of_study = StudySettings(**{name: value for name, value in given.items() if name in StudySettings.model_fields})
    others = {name: value for name, value in given.items() if name not in StudySettings.model_fields}
    fields = {name: (_kind(known[name]), known[name]) for name in others}
    of_chapters = create_model("parameters", __base__=Settings, **fields)(**others)
    return {
        name: _as_given(value, getattr(of_study if name in StudySettings.model_fields else of_chapters, name))
        for name, value in given.items()
    }


def check_limits(name: str, chapter: Path, values: Mapping[str, Any]) -> None:
    """Hold a chapter's values to the limits that the comments of its parameters cell state, such as "at least 4".

    They are a chapter's own, in addition to those of the study: "at least N" and "an even number", after the value.
    Raises `SettingsError` that names parameter, chapter, limit and value.
    """
    for key, comment in _comments(chapter).items():
        value = values.get(key)
        if isinstance(value, bool) or not isinstance(value, int):
            continue
        least = re.search(r"\bat least (\d+)\b", comment)
        if least and value < int(least[1]):
            raise SettingsError(f"{key}: chapter {name} needs at least {least[1]}, found {value}")
        if re.search(r"\ban even number\b", comment) and value % 2:
            raise SettingsError(f"{key}: chapter {name} needs an even number, found {value}")


def make_absolute(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with a data folder's path made absolute: chapters do not run where the command was typed."""
    from mia_core.data.load import with_path

    dataset = parameters.get("dataset")
    if not isinstance(dataset, str):
        return dict(parameters)
    return {**parameters, "dataset": with_path(dataset, lambda path: os.path.abspath(absolute(path)))}


def _parameters_cell(chapter: Path) -> str:
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    return next(("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", ())), "")


def _comments(chapter: Path) -> dict[str, str]:
    """The comment after each parameter, by name."""
    found, name = {}, ""
    for token in tokenize.generate_tokens(io.StringIO(_parameters_cell(chapter)).readline):
        if token.type == tokenize.NAME and token.start[1] == 0:
            name = token.string
        elif token.type == tokenize.COMMENT and name:
            found[name] = token.string
        elif token.type == tokenize.NEWLINE:
            name = ""
    return found


def _kind(default: Any) -> Any:
    if isinstance(default, list | tuple) and default:
        kinds = {type(item) for item in default}
        return list[_kind(default[0])] if len(kinds) == 1 else list[Any]
    kinds = {bool: Switch, int: Whole, float: Number, str: str, list: list[Any], tuple: list[Any], dict: dict[str, Any]}
    return kinds.get(type(default), Any)


def _as_given(given: Any, checked: Any) -> Any:
    # Text that spells a number becomes the number; a count of seeds stays a count and is no list in the notebook.
    if isinstance(checked, list | tuple):
        return list(checked) if isinstance(given, str | float | list | tuple) else given
    return checked
