"""How does a long simulation run while the page still answers?

Input: a protocol, a scenario, the number of trials, a seed.
Output: how far it is, and the operating characteristics.
Protocol section: none.
Method: a process of its own, which can be ended at once; what it says comes through a pipe.
Next: `drawing`.
"""

from __future__ import annotations

import contextlib
import time
from multiprocessing import get_context
from threading import Thread
from typing import TYPE_CHECKING, Any

import pnstrial as pns

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from pnstrial import Protocol, Scenario

__all__ = ["Run"]


def _simulate(pipe: Connection, protocol: Protocol, scenario: Scenario, n_trials: int, seed: int) -> None:
    """Simulate, and tell the page how far it is."""
    try:
        result = pns.simulate_trials(
            protocol, scenario, n_trials, seed, quantities="primary",
            progress=lambda done, _: pipe.send(("progress", done)),
        )  # fmt: skip
        pipe.send(("done", result))
    except BrokenPipeError:  # the page is gone
        return
    except Exception as problem:  # noqa: BLE001 - whatever it is, the page shows it
        pipe.send(("failed", str(problem)))


class Run:
    """One simulation in the background.

    Parameters
    ----------
    protocol : Protocol
    scenario : Scenario
    n_trials, seed : int
    settings : dict of str to str
        Of the form, for the page.
    """

    def __init__(
        self, protocol: Protocol, scenario: Scenario, n_trials: int, seed: int, settings: dict[str, str]
    ) -> None:
        self.n_trials, self.seed, self.settings = n_trials, seed, settings
        self.protocol, self.scenario = protocol, scenario
        self.done = 0
        self.state = "running"
        self.problem = ""
        self.result: Any = None
        self._begun = time.monotonic()
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_simulate, args=(theirs, protocol, scenario, n_trials, seed), daemon=True
        )
        self._process.start()
        theirs.close()
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        while self.state == "running":
            try:
                word, value = self._pipe.recv()
            except (EOFError, OSError):
                if self.state == "running":
                    self.state, self.problem = "failed", "the simulation ended without an answer"
                break
            if self.state != "running":
                break
            if word == "progress":
                self.done = value
            elif word == "done":
                self.result, self.done, self.state = value, self.n_trials, "done"
            else:
                self.problem, self.state = value, "failed"
        with contextlib.suppress(OSError):
            self._pipe.close()
        self._process.join()

    def cancel(self) -> None:
        """End it at once."""
        if self.state == "running":
            self.state = "cancelled"
        self._process.terminate()

    def seconds_left(self) -> float | None:
        """Tell how long it will take, once anything is done."""
        if not self.done:
            return None
        return (time.monotonic() - self._begun) * (self.n_trials - self.done) / self.done

    def to_dict(self) -> dict[str, Any]:
        """Give what the page shows of it."""
        return {
            "state": self.state,
            "done": self.done,
            "total": self.n_trials,
            "left": self.seconds_left(),
        }
