"""`velm-bench doctor`: what works here, and how to mend the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from velm_bench.cli.options import RESULTS, Json, Output
from velm_bench.cli.output import print_json, print_table

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def doctor(
    install: Annotated[
        str | None,
        typer.Option(
            "--install", metavar="NAME", help="First fetch what a metric needs into the cache: spice (384 MB)."
        ),
    ] = None,
    output: Output = RESULTS,
    as_json: Json = False,
) -> None:
    """Check what velm-bench needs: Python, packages, Java, data, the output folder, accelerators.

    Ends with exit code 4 only where the core itself is broken, or where --install failed; an extra that is missing is
    no error.
    """
    from velm_bench.cli.diagnosis import diagnose

    if install is not None:
        from velm_bench.cli.installing import install as fetch

        fetch(install)
    findings = diagnose(output)
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        rows = [(one.state, one.area, one.what, one.mend) for one in findings]
        print_table(("", "area", "found", "to mend"), rows)
    if any(one.state == "missing" and one.needed for one in findings):
        raise typer.Exit(4)
