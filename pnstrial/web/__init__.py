"""What does a trial team see who does not type commands?

Input: a folder of collected tables, uploaded files, settings of a form.
Output: pages of a local web server for one person on one machine.
Protocol section: all.
Method: pages made by the server from the package's public names; no statistics here, nothing loaded from outside.
Next: `security`.
"""

from __future__ import annotations

from pnstrial.web.app import application, serve

__all__ = ["application", "serve"]


def __dir__() -> list[str]:
    return __all__
