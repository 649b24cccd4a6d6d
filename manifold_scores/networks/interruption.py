"""Ctrl-C between two steps, not within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Holds the first SIGINT back until `deliver`, so that a step or a write of a file is never cut in two.

    A second one that comes before is delivered at once: something hangs.  Signals are left alone outside the main
    thread, which never gets any, and where SIGINT is ignored or ends the process.
    """

    def __init__(self) -> None:
        #: Whether a signal is held back.
        self.pending = False
        self._previous: Callable[[int, Any], Any] | None = None

    def __enter__(self) -> Interrupts:
        previous = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(previous):
            self._previous = previous
            signal.signal(signal.SIGINT, self._hold)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
        if kind is None:
            self.deliver()

    def deliver(self) -> None:
        """Let whoever handled SIGINT before handle the one that is held back: by default, raise KeyboardInterrupt."""
        if self.pending and self._previous is not None:
            self.pending = False
            self._previous(signal.SIGINT, None)

    def _hold(self, number: int, frame: Any) -> None:
        if self.pending and self._previous is not None:
            self._previous(number, frame)
        self.pending = True
