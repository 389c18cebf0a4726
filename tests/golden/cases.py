"""The golden cases of a method: what its authors' code gave, and what ours gives. See README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import Tensor

from supreme.core.registry import build
from tests.golden import problem

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"
SAMPLED = 32
COLUMNS = ("accuracy/forget", "accuracy/retain", "accuracy/test", "loss/forget")


@dataclass(frozen=True)
class Case:
    """One run of the authors' code on the problem."""

    method: str
    told: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.method}: {self.told['name']}"

    @property
    def model(self) -> str:
        return self.told["model"]

    @property
    def scenario(self) -> str:
        return self.told["scenario"]

    @property
    def is_distribution(self) -> bool:
        """Whether the draws of the authors' code could not be replayed, so that seeds are compared."""
        return "seeds" in self.told

    def component(self, **changes: Any) -> Any:
        """Our method with the values of the case, some of them changed."""
        target = OmegaConf.to_container(OmegaConf.load(CONF / "method" / f"{self.method}.yaml"))["_target_"]  # type: ignore[index, call-overload]
        return build({"_target_": target, **self.told["values"], **changes}, f"method {self.method}")

    def ours(self, **changes: Any) -> dict[str, Tensor]:
        return problem.unlearned(self.component(**changes), self.model, self.scenario)

    def result(self, **changes: Any) -> dict[str, Any]:
        """What ours comes to, as the file has the authors'."""
        if not self.is_distribution:
            return summary(self.ours(**changes), self.model, self.scenario)
        found = [
            evaluated(
                problem.unlearned(self.component(**changes), self.model, self.scenario, seed), self.model, self.scenario
            )
            for seed in range(self.told["seeds"])
        ]
        columns = {column: [one[column] for one in found] for column in COLUMNS}
        return {column: {"mean": float(np.mean(v)), "sd": float(np.std(v, ddof=1))} for column, v in columns.items()}

    def difference(self, found: Mapping[str, Any]) -> float:
        """How far a result of ours is from the authors', in units of what the case allows: up to 1 is equal."""
        wanted, tolerance = self.told["result"], self.told["tolerance"]
        if self.is_distribution:
            return max(_standard_errors(found[c], wanted[c], self.told["seeds"]) for c in COLUMNS) / tolerance
        scale = wanted["max_change"]
        apart = [abs(a - b) / scale for a, b in zip(found["weights"], wanted["weights"], strict=True)]
        apart += [abs(found[key] / wanted[key] - 1) for key in ("move", "mean_change", "max_change")]
        apart += [abs(found["loss/forget"] - wanted["loss/forget"]) / max(1.0, wanted["loss/forget"])]
        if any(found[column] != wanted[column] for column in COLUMNS[:3]):
            apart.append(np.inf)
        return max(apart) / tolerance


def _standard_errors(found: Mapping[str, float], wanted: Mapping[str, float], seeds: int) -> float:
    error = np.sqrt((found["sd"] ** 2 + wanted["sd"] ** 2) / seeds)
    apart = abs(found["mean"] - wanted["mean"])
    return 0.0 if apart < 1e-12 else float(apart / error) if error else float(np.inf)


@cache
def told_of(method: str) -> Mapping[str, Any]:
    """The file of a method."""
    return json.loads((HERE / f"{method}.json").read_text())


def methods() -> list[str]:
    """Those that have a file here."""
    return sorted(
        path.stem for path in HERE.glob("*.json") if (CONF / "method" / path.name.replace(".json", ".yaml")).exists()
    )


def cases(method: str) -> Iterator[Case]:
    for told in told_of(method)["cases"]:
        yield Case(method, told)


def vector(state: Mapping[str, Tensor]) -> np.ndarray:
    """All weights and running statistics, in the order of their names, float64."""
    names = sorted(name for name, tensor in state.items() if tensor.is_floating_point() and name not in ("mean", "std"))
    return np.concatenate([state[name].detach().double().cpu().numpy().ravel() for name in names])


@cache
def positions(model: str) -> list[int]:
    """Which 32 weights a file holds: 4 of the head, 4 of normalisation layers where there are any, 24 of all."""
    state = problem.original(model).state_dict()
    names = sorted(name for name, tensor in state.items() if tensor.is_floating_point() and name not in ("mean", "std"))
    kinds = np.concatenate(
        [
            np.full(state[n].numel(), "head" if n.startswith("head") else "norm" if state[n].dim() == 1 else "")
            for n in names
        ]
    )
    rng, found = np.random.default_rng(0), []
    for kind, count in (("head", 4), ("norm", 4), (None, SAMPLED - 8)):
        among = np.arange(len(kinds)) if kind is None else np.flatnonzero(kinds == kind)
        among = np.setdiff1d(among, found)
        found += rng.choice(among, min(count, len(among)), replace=False).tolist()
    return sorted(found)


def evaluated(state: Mapping[str, Tensor], model: str, scenario: str) -> dict[str, float]:
    """Accuracies, fractions, and the mean cross entropy of the forget set, in nats."""
    network, sets = problem.original(model), problem.split(scenario)
    network.load_state_dict(dict(state))
    found = {}
    with torch.no_grad():
        for name in ("forget", "retain", "test"):
            x, y = next(getattr(sets, name).batches(10_000))
            logits = network(x)
            found[f"accuracy/{name}"] = float((logits.argmax(1) == y).double().mean())
            if name == "forget":
                found["loss/forget"] = float(F.cross_entropy(logits, y))
    return found


def summary(state: Mapping[str, Tensor], model: str, scenario: str) -> dict[str, Any]:
    """What a file holds of a state: how far it is from the original, 32 weights, and what it answers."""
    start, end = vector(problem.original(model).state_dict()), vector(state)
    change = np.abs(end - start)
    return {
        "move": rounded(float(np.linalg.norm(end - start))),
        "mean_change": rounded(float(change.mean())),
        "max_change": rounded(float(change.max())),
        "weights": [rounded(float(end[position])) for position in positions(model)],
        **{column: rounded(value) for column, value in evaluated(state, model, scenario).items()},
    }


def rounded(number: float) -> float:
    """To 9 digits."""
    return float(f"{number:.9g}")


def table() -> str:
    """Of every method, which code ran (the authors' unless it says otherwise) and how far ours is, as Markdown."""
    lines = ["| method | code that ran | case: how far ours is | our default, where it differs on purpose: how far |"]
    lines.append("| --- | --- | --- | --- |")
    for method in methods():
        told = told_of(method)
        source = told["source"]
        whose = f"port of {source['port_of']}" if "port_of" in source else source.get("note", "")
        code = f"{source['repository']}@{source['commit'][:7]}" + (f" ({whose})" if whose else "")
        equal = ", ".join(f"{case['name']} {case['rel']:.0e}" for case in told["cases"])
        apart = ", ".join(f"{one['name']} {one['rel']:.2g}" for one in told["deviations"])
        lines.append(f"| `{method}` | {code} | {equal} | {apart} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
