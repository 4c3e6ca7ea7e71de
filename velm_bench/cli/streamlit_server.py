"""`python -m velm_bench.cli.streamlit_server run app.py ...`: Streamlit's own command line, which asks nobody outside.

Streamlit asks a foreign server which address this machine has on the internet: when it starts on 0.0.0.0, and whenever
a page of another site tries to connect. No request of ours leaves the machine.
"""

from __future__ import annotations


def main() -> None:
    """Streamlit, without that question."""
    from streamlit import net_util
    from streamlit.web import cli

    net_util.get_external_ip = lambda: None
    cli.main(prog_name="streamlit")


if __name__ == "__main__":
    main()
