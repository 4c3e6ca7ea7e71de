"""The pytest fixture `velm_gate`: a release test reads as one."""
