"""What a write makes happen in a CRM besides, said by connectors as coded facts.

They follow from the CRM and from the settings alone, so that a plan can tell them
without a call. A connector's package may have a function ``side_effects`` that takes
the settings, without secrets; who shows them has the words.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SideEffect:
    """One thing that people do not expect, or that they fear and does not happen.

    ``of``: which kind of write it goes with. ``happens``: it does (``yes``), it does
    not (``no``), it does and we put it right (``mended``), or it depends on how people
    have set up their CRM (``maybe``). ``by`` names the header or object that prevents
    or mends it, where there is one.
    """

    code: str
    of: Literal["owner", "task"]
    happens: Literal["yes", "no", "mended", "maybe"]
    by: str = ""
