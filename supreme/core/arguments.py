"""A parser of options whose refusals are sentences like all others."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import NoReturn

from supreme.core.errors import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


class Parser(argparse.ArgumentParser):
    """As argparse's, but a wrong word ends in SupremeError and not in a usage and the exit status 2."""

    def error(self, message: str) -> NoReturn:
        if found := re.match(r"(?:argument \S+: )?invalid choice: '(.*)' \(choose from (.*)\)", message):
            there = [name.strip("' ") for name in found[2].split(",")]
            near = difflib.get_close_matches(found[1], there, 1)
            hint = f"did you mean {near[0]}? It has" if near else "it has"
            raise SupremeError(f"{self.prog} has no {found[1]}; {hint} {', '.join(there)}")
        if found := re.match(r"unrecognized arguments: (\S+)", message):
            known = [option for action in self._actions for option in action.option_strings]
            near = difflib.get_close_matches(found[1], known, 1, cutoff=0.5)
            hint = f"did you mean {near[0]}? " if near else ""
            raise SupremeError(f"{self.prog} does not know {found[1]}; {hint}`{self.prog} --help` shows what it knows")
        if found := re.match(r"argument ([^:]+): expected (\S+) arguments?", message):
            raise SupremeError(f"{self.prog}: {self._usage_of(found[1])}; `{self.prog} --help` shows what it knows")
        raise SupremeError(f"{self.prog}: {message}; `{self.prog} --help` shows what it knows")

    def _usage_of(self, option: str) -> str:
        """`--commits needs its values, as in --commits OLD NEW`."""
        action = next(one for one in self._actions if option in ("/".join(one.option_strings), one.dest, one.metavar))
        named = action.metavar or action.dest.upper()
        values = (named,) if isinstance(named, str) else named
        return f"{option} needs {'a value' if len(values) == 1 else f'{len(values)} values'}, as in " + " ".join(
            [option, *(str(value) for value in values)]
        )
