"""The errors a person is shown: one sentence that says what, where and what to do."""

from __future__ import annotations


class VelmError(Exception):
    """Base of every error that is shown as one sentence, without a trace."""

    exit_code = 4
    """The exit code of a command that ends with it: the run itself failed."""


class UsageError(VelmError):
    """A wrong flag, name, file or field: the person who called must act."""

    exit_code = 2


class RunError(VelmError):
    """The run could not be carried out although what was asked is valid."""

    exit_code = 4


class SampleError(VelmError):
    """One sample cannot be used (an unreadable picture, say): it becomes a row with this error."""


class UnavailableError(VelmError):
    """Something optional is not installed or not present; the sentence says how to get it."""

    exit_code = 2
