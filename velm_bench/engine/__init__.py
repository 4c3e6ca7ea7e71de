"""Runs: plan, batch, ask, journal, score. `velm_bench.engine.runner.evaluate` is the way in."""
