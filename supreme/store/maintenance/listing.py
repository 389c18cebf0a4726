"""`supreme store ls`: what there is, how much of it, and who uses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Column, Table
from rich.text import Text

from supreme.store.leases import Holder
from supreme.store.maintenance.amounts import age, counted, in_bytes
from supreme.store.maintenance.inventory import Inventory, Item
from supreme.store.maintenance.rows import MODELS, Row

NAMES = {
    "data": "decoded data",
    "partial": "half-decoded data",
    "corrupt": "set aside as corrupt",
    "leftover": "leftovers of killed processes",
}
"""What kinds that are no stage are called."""


def overview(inventory: Inventory) -> dict[str, Any]:
    """The numbers of `ls`, as JSON can say them."""
    kinds = sorted({item.kind for item in inventory.items}, key=lambda kind: (kind in NAMES, _rank(kind)))
    return {
        "directory": str(inventory.directory),
        "rows": len(inventory.rows.rows),
        "unreadable_rows": [str(path) for path in inventory.rows.unreadable],
        "audits": inventory.audits,
        "failures": inventory.failures,
        "kinds": {kind: _numbers(inventory.of_kind(kind)) for kind in kinds},
        "claims": [_claim(claim) for claim in inventory.claims],
        "bytes": sum(item.bytes for item in inventory.items),
    }


def overview_tables(inventory: Inventory) -> Iterator[RenderableType]:
    found = overview(inventory)
    told = [counted(found["rows"], "row"), counted(found["audits"], "audit")]
    if found["failures"]:
        told.append(counted(found["failures"], "failure"))
    yield Text(f"{inventory.directory}: {', '.join(told)}")
    table = Table("", box=box.SIMPLE)
    for title in ("number", "size", "used by\nrows", "unused", "size of\nunused", "owner\nunknown"):
        table.add_column(title, justify="right", no_wrap=True)
    for kind, numbers in found["kinds"].items():
        table.add_row(
            NAMES.get(kind, kind),
            str(numbers["number"]),
            in_bytes(numbers["bytes"]),
            *(str(numbers[use] or "") for use in ("used", "unused")),
            in_bytes(numbers["unused_bytes"]) if numbers["unused"] else "",
            str(numbers["unknown"] or ""),
        )
    table.add_section()
    table.add_row("total", str(len(inventory.items)), in_bytes(found["bytes"]))
    yield table
    for claim in inventory.claims:
        yield Text(told_claim(claim))
    if found["unreadable_rows"]:
        yield Text(f"{counted(len(found['unreadable_rows']), 'row')} cannot be read: `supreme store verify` says which")


def items(found: Sequence[Item]) -> list[dict[str, Any]]:
    """Each item of `ls STAGE`, as JSON can say it."""
    return [
        {
            "key": item.key,
            "path": str(item.path),
            "bytes": item.bytes,
            "age_seconds": round(item.age_seconds),
            "use": item.use,
            "cells": [row.cell for row in item.rows],
        }
        for item in found
    ]


def items_table(found: Sequence[Item]) -> RenderableType:
    table = Table(Column("key", no_wrap=True), box=box.SIMPLE)
    for title in ("size", "age"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("rows")
    for item in sorted(found, key=lambda item: (-item.bytes, item.key)):
        told = {"used": _told_rows(item.rows), "unused": "none", "unknown": "not known"}[item.use]
        table.add_row(item.key[:12], in_bytes(item.bytes), age(item.age_seconds), told)
    return table


def told_claim(claim: Holder) -> str:
    who = "an unknown process" if claim.process is None else f"process {claim.process.pid} on {claim.process.host}"
    what = "a sweep" if claim.name.startswith("use-") else claim.name[:25]
    if claim.dead:
        return f"stale claim: {what}, of {who}, which has ended; whoever needs it next clears it away"
    return f"at work: {what}, {who}, last seen {age(claim.silent_seconds)} ago"


def _told_rows(rows: Sequence[Row]) -> str:
    """scrub seed=0; of many rows the first methods and seeds."""
    methods = list(dict.fromkeys(row.method for row in rows))
    seeds = sorted({row.seed for row in rows})
    told = [", ".join(methods[:3]) + (f" and {len(methods) - 3} more" if len(methods) > 3 else "")]
    told.append("seed=" + ",".join(map(str, seeds[:3])) + (",..." if len(seeds) > 3 else ""))
    return " ".join(told) + (f" ({len(rows)} rows)" if len(rows) > 1 else "")


def _rank(kind: str) -> tuple[int, str]:
    return (MODELS.index(kind) if kind in MODELS else len(MODELS)), kind


def _numbers(found: Sequence[Item]) -> dict[str, int]:
    uses = {use: [item for item in found if item.use == use] for use in ("used", "unused", "unknown")}
    return {
        "number": len(found),
        "bytes": sum(item.bytes for item in found),
        **{use: len(having) for use, having in uses.items()},
        "unused_bytes": sum(item.bytes for item in uses["unused"]),
    }


def _claim(claim: Holder) -> dict[str, Any]:
    process = claim.process
    return {
        "name": claim.name,
        "host": process and process.host,
        "pid": process and process.pid,
        "silent_seconds": round(claim.silent_seconds, 1),
        "dead": claim.dead,
    }
