"""`python -m velm_bench` is `velm-bench`."""

from __future__ import annotations

from velm_bench.cli.main import main

if __name__ == "__main__":
    main()
