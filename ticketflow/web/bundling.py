"""Modules that one page alone needs, joined into one file: the page asks once, and each of them stays short.

Every module but the entry becomes a function of its own, so that what two of them call by the same name stays
two things. What other pages use too is left apart, and kept by the browser from page to page.
"""

import re
from collections.abc import Collection, Mapping

_IMPORT = re.compile(r'^import (?:\{([^}]*)\} from )?"\./([a-z-]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def needs(text: str) -> set[str]:
    """The modules that a module asks for."""
    return {name for _, name in _IMPORT.findall(text)}


def parts_of(modules: Mapping[str, str], entry: str, apart: Collection[str]) -> list[str]:
    """The modules that `entry` is made of, each after those it needs: itself the last."""
    found: list[str] = []

    def visit(name: str) -> None:
        for needed in sorted(needs(modules[name]) - set(apart)):
            if needed not in found:
                visit(needed)
        found.append(name)

    visit(entry)
    return found


def bundle(modules: Mapping[str, str], parts: list[str]) -> str:
    """The parts as one module, which exports what the last of them does. Raises ValueError for an import or
    export in words that are not known here."""
    *needed, entry = parts
    apart = set().union(*(needs(modules[part]) for part in parts)) - set(parts)
    shared = [f'import * as {_called(name)} from "./{name}.js";' for name in sorted(apart)]
    return "\n".join([*shared, *(_wrapped(name, modules[name]) for name in needed), _bound(modules[entry])])


def _wrapped(name: str, text: str) -> str:
    body = _EXPORT.sub("", _bound(text))
    if strange := _OTHER.search(body):
        raise ValueError(f"{name}.js cannot be joined: {strange[0]}")
    return (
        f"const {_called(name)} = (() => {{\n{body}return {{ {', '.join(_EXPORT.findall(text))} }};\n}})();"
    )


def _bound(text: str) -> str:
    return _IMPORT.sub(lambda found: f"const {{{found[1] or ''}}} = {_called(found[2])};\n", text)


def _called(name: str) -> str:
    return f"${name.replace('-', '_')}"
